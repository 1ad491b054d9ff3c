import { type Document, SecateurError } from "@secateur/kit";
import { type ChatTemplate, chatTemplate, encodePair, renderChat, type Tokenizer } from "@secateur/text";
import type { AnswerRow } from "./decoded.ts";
import { rowError } from "./row-error.ts";
import { beginOf, type Setting } from "./setting.ts";

/** A row whose answer is predicted, given its prompt. */
export interface AnswerItem {
  readonly row: AnswerRow;
  readonly ids: Int32Array;
  /** Where the answer begins, at least 1. */
  readonly start: number;
}

/** The rows of prompt and answer that fit the window, how many do not, and both as a note. Throws SecateurError `data` when none does. */
export function answerItems(
  setting: Setting,
  rows: readonly Document[],
): { readonly items: readonly AnswerItem[]; readonly skipped: number; readonly note: string } {
  const [tokenizer, begin] = [setting.tokenizer(), beginOf(setting)];
  const template = rows.some(({ kind }) => kind === "messages") ? chatTemplate(tokenizer.files, tokenizer.source) : undefined;
  const itemOf = (row: AnswerRow, before: readonly number[]): AnswerItem => {
    const { ids, start } = encodePair(tokenizer, row.prompt, row.answer, row.origin);
    return { row, ids: Int32Array.from([...before, ...ids]), start: Math.max(1, before.length + start) };
  };
  const all = rows.flatMap((row): AnswerItem[] => {
    if (row.kind === "answer") return [itemOf(row, begin)];
    // The template writes what a conversation begins with.
    return row.kind === "messages" && template ? [itemOf(lastAnswer(tokenizer, row, template), [])] : [];
  });
  const items = all.filter(({ ids, start }) => ids.length <= setting.windowTokens && ids.length > start);
  if (items.length === 0)
    throw new SecateurError("data", `nothing to predict: no row has an answer that fits in ${setting.windowTokens} tokens`);
  const skipped = all.length - items.length;
  const left = skipped > 0 ? ` (${skipped} left out: too long, or nothing to predict)` : "";
  return { items, skipped, note: `${items.length} row${items.length === 1 ? "" : "s"}${left}` };
}

/** A conversation as the prompt and the answer of its last turn of the assistant, both as the chat template writes them. */
function lastAnswer(tokenizer: Tokenizer, row: Extract<Document, { kind: "messages" }>, template: ChatTemplate): AnswerRow {
  const { text, spans } = renderChat(tokenizer, row.messages, row.origin, { template });
  const last = spans.at(-1);
  if (!last) throw rowError(row.origin, "the conversation has no turn of the assistant, whose answer could be measured");
  return { kind: "answer", prompt: text.slice(0, last.start), answer: text.slice(last.start, last.end), origin: row.origin };
}
