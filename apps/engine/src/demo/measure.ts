import { join } from "node:path";
import { jsonlLoader } from "@secateur/data-jsonl";
import { type AnswersResult, type Estimate, evaluate, type PerplexityResult } from "@secateur/evaluate";
import { safetensors } from "@secateur/format-safetensors";
import type { Backend, Document } from "@secateur/kit";
import { describeModel, type ModelDescription } from "@secateur/models";
import { createEngine, generateGreedy } from "@secateur/runner";
import { byteSize } from "@secateur/tensor";
import { endTokens, modelTokenizer, packTokens, type Tokenizer } from "@secateur/text";
import type { PruneOutcome } from "../jobs/messages.ts";

/** One model's figures. */
export interface Measured {
  /** Weights of the blocks that are not zero. */
  readonly kept: number;
  /** What the model would take with zeros left out, for one bit a weight of the pruned layers to say where they are. */
  readonly packedBytes: number;
  /** English of chapters that the model never saw. */
  readonly perplexity: number;
  /** Skill → the share of exact answers by greedy decoding. */
  readonly skills: Readonly<Record<string, number>>;
  /** Prompt → what the model answers. */
  readonly answers: Readonly<Record<string, string>>;
}

/** What a model is measured on. */
export interface Exam {
  /** Paragraphs of English. */
  readonly english: readonly string[];
  /** Skill → a file of prompts with answers. */
  readonly skills: Readonly<Record<string, string>>;
  /** So many prompts of each skill are asked. */
  readonly rows: number;
  /** English is read in so many windows of so many tokens. */
  readonly windows: { readonly tokens: number; readonly count: number };
}

/** Measures a model in a folder, which a prune has left unless it is dense. */
export async function measure(
  folder: string,
  pruned: Partial<Pick<PruneOutcome, "sparsity" | "bytes">>,
  exam: Exam,
  backend: Backend,
  signal: AbortSignal,
): Promise<Measured> {
  const model = await safetensors.open(folder);
  const description = describeModel(model);
  const engine = createEngine(model, description, backend);
  try {
    const tokenizer = modelTokenizer(model);
    // Documents of its training stand between end tokens, so a prompt comes after one.
    const begin = tokenizer.endToken === undefined ? [] : [tokenizer.endToken];
    const end = endTokens(model.config, model.generationConfig, tokenizer);
    const windows = englishWindows(tokenizer, exam);
    const text = (await evaluate(engine, () => tokenizer, windows, { metric: "perplexity", signal })) as PerplexityResult; // as the metric asks
    const skills: Record<string, number> = {};
    const answers: Record<string, string> = {};
    for (const [skill, file] of Object.entries(exam.skills)) {
      const options = { metric: "answers" as const, samples: exam.rows, begin, end, signal };
      const result = (await evaluate(engine, () => tokenizer, load(file), options)) as AnswersResult; // as the metric asks
      skills[skill] = (result.exactMatch as Estimate).value; // nothing is decoded
      const prompt = await firstPrompt(file);
      const [written] = await generateGreedy(engine, [Int32Array.from([...begin, ...tokenizer.encode(prompt)])], {
        maxTokens: 16,
        endTokens: end,
        signal,
      });
      answers[prompt] = tokenizer.decode(written?.ids ?? []);
    }
    const size = blockWeights(description);
    const stored = [...model.tensors.values()].reduce((sum, info) => sum + byteSize(info), 0);
    const { sparsity, bytes } = pruned;
    return { kept: size - (sparsity?.zeros ?? 0), packedBytes: bytes?.packed ?? stored, perplexity: text.perplexity, skills, answers };
  } finally {
    await engine.release();
    await model.close();
  }
}

function load(file: string): AsyncIterable<Document> {
  return jsonlLoader.load(file, {}, { rows: 0, empty: 0, duplicates: 0 });
}

async function firstPrompt(file: string): Promise<string> {
  for await (const document of load(file)) if (document.kind === "answer") return document.prompt;
  return "";
}

/** The number of weights in the blocks' linear layers. */
function blockWeights({ blocks, tensors }: ModelDescription): number {
  const names = blocks.flatMap(({ prefix, program }) => program.taps.flatMap((tap) => tap.linears.map(({ weight }) => prefix + weight)));
  return names.reduce((sum, name) => sum + (tensors.get(name) ?? []).reduce((a, b) => a * b, 1), 0);
}

/** Windows of running English, paragraph after paragraph with the end token between them. */
async function* englishWindows(tokenizer: Tokenizer, { english, windows: { tokens, count } }: Exam): AsyncGenerator<Document> {
  const end = tokenizer.endToken === undefined ? [] : [tokenizer.endToken];
  const documents = english.map((paragraph) => {
    const ids = Int32Array.from([...tokenizer.encode(paragraph), ...end]);
    return { ids, weights: new Float32Array(ids.length).fill(1) };
  });
  const { windows } = packTokens(documents, tokens, count);
  for (const [i, { ids }] of windows.entries()) yield { kind: "ids", ids: [...ids], origin: { source: "English", line: i + 1 } };
}

/** The evaluation file of a skill beside the demo model. */
export function skillFile(folder: string, skill: string): string {
  return join(folder, `${skill}.eval.jsonl`);
}
