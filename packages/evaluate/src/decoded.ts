import type { Document } from "@secateur/kit";
import { type FinishReason, holdWeights, streamTokens } from "@secateur/runner";
import { rowError } from "./row-error.ts";
import { beginOf, endsOf, type Setting } from "./setting.ts";

/** A row of prompt and answer. */
export type AnswerRow = Extract<Document, { kind: "answer" }>;

/** A row to whose prompt the model writes an answer of its own, which is compared with the right one in the part that counts. */
export interface DecodedRow {
  readonly prompt: Int32Array;
  readonly stop: readonly string[];
  readonly counts: RegExp | undefined;
  readonly maxTokens: number;
  /** What counts of the right answer. */
  readonly wanted: string;
}

/** What decoding a row has given. */
export interface DecodedAnswer {
  readonly exact: boolean;
  readonly finishReason: FinishReason;
}

// As lm-evaluation-harness has it where a task says nothing else.
const MAX_TOKENS = 256;

/** A row that says how its answer ends or what counts of it, made ready; undefined for others. Throws SecateurError `data` for what cannot be compared. */
export function decodedRow(setting: Setting, row: AnswerRow): DecodedRow | undefined {
  const { prompt, answer, stop = [], counts, maxTokens = MAX_TOKENS, origin } = row;
  if (stop.length === 0 && counts === undefined) return undefined;
  if (stop.includes("")) throw rowError(origin, "a stop string is empty: every answer would end before it begins");
  const pattern = counts === undefined ? undefined : patternOf(counts, row);
  const wanted = countedPart(beforeStop(answer, stop), pattern);
  if (!wanted) {
    const why = pattern ? `${pattern} is not found in it` : "it is empty before its stop string";
    throw rowError(origin, `nothing counts of the right answer ${JSON.stringify(answer)}: ${why}`);
  }
  const ids = Int32Array.from([...beginOf(setting), ...setting.tokenizer().encode(prompt, origin)]);
  if (ids.length === 0) throw rowError(origin, "the prompt has no token that an answer could follow");
  return { prompt: ids, stop, counts: pattern, maxTokens: setting.maxTokens ?? maxTokens, wanted };
}

/** Decodes the answers of rows greedily and compares them. `report` hears the share of rows that are done. */
export async function decodeAnswers(
  setting: Setting,
  rows: readonly DecodedRow[],
  report: (share: number) => void,
): Promise<DecodedAnswer[]> {
  const answers = rows.map((): { text: string; finishReason: FinishReason } => ({ text: "", finishReason: "length" }));
  const weights = setting.weights ?? holdWeights(setting.engine);
  let done = 0;
  try {
    for (const [{ stop, maxTokens }, numbers] of byEnd(rows)) {
      const prompts = numbers.map((number) => (rows[number] as DecodedRow).prompt);
      const options = { maxTokens, endTokens: endsOf(setting), tokenizer: setting.tokenizer(), stop, weights, signal: setting.signal };
      for await (const written of streamTokens(setting.engine, prompts, options)) {
        const answer = answers[numbers[written.prompt] as number] as (typeof answers)[number]; // one a row
        answer.text += written.text;
        if (!("finishReason" in written)) continue;
        answer.finishReason = written.finishReason;
        report(++done / rows.length);
      }
    }
  } finally {
    if (!setting.weights) weights.release();
  }
  return rows.map(({ counts, wanted }, i) => {
    const { text, finishReason } = answers[i] as (typeof answers)[number];
    return { exact: countedPart(text, counts) === wanted, finishReason };
  });
}

/**
 * What counts of an answer: the first match of a pattern, of that its first group where there is one, else all of it; without the white space around it. A number
 * loses what lm-evaluation-harness ignores in those of GSM8K (lm_eval/tasks/gsm8k/gsm8k.yaml, version 3.0, `regexes_to_ignore`): commas, dollar signs and a period at its end.
 */
export function countedPart(answer: string, counts: RegExp | undefined): string | undefined {
  const match = counts ? counts.exec(answer) : [answer];
  if (!match) return undefined;
  const part = (match[1] ?? (match[0] as string)).trim(); // a match has a text
  return /^[-+]?\$?\d[\d,]*(?:\.\d*)?$/.test(part) ? part.replace(/[,$]|\.$/g, "") : part;
}

/** A right answer as far as the model's own goes. */
function beforeStop(answer: string, stop: readonly string[]): string {
  return stop.reduce((text, one) => text.split(one)[0] as string, answer); // a text has a first part
}

function patternOf(counts: string, { origin }: AnswerRow): RegExp {
  try {
    return new RegExp(counts);
  } catch (cause) {
    throw rowError(
      origin,
      `what counts of an answer is a regular expression, ${JSON.stringify(counts)} is none: ${(cause as Error).message}`,
    );
  }
}

/** The numbers of the rows whose answers end in one way: those are answered together. */
function byEnd(rows: readonly DecodedRow[]): Iterable<[end: Pick<DecodedRow, "stop" | "maxTokens">, numbers: readonly number[]]> {
  const groups = new Map<string, [DecodedRow, number[]]>();
  for (const [number, row] of rows.entries()) {
    const key = JSON.stringify([row.maxTokens, ...row.stop]);
    const group = groups.get(key);
    if (group) group[1].push(number);
    else groups.set(key, [row, [number]]);
  }
  return groups.values();
}
