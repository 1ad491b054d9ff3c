import { type Document, SecateurError } from "@secateur/kit";
import { encodePair } from "@secateur/text";
import type { AnswerRow } from "./decoded.ts";
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
  const all = rows.flatMap((row): AnswerItem[] => {
    if (row.kind !== "answer") return [];
    const { ids, start } = encodePair(tokenizer, row.prompt, row.answer, row.origin);
    return [{ row, ids: Int32Array.from([...begin, ...ids]), start: Math.max(1, begin.length + start) }];
  });
  const items = all.filter(({ ids, start }) => ids.length <= setting.windowTokens && ids.length > start);
  if (items.length === 0)
    throw new SecateurError("data", `nothing to predict: no row has an answer that fits in ${setting.windowTokens} tokens`);
  const skipped = all.length - items.length;
  const left = skipped > 0 ? ` (${skipped} left out: too long, or nothing to predict)` : "";
  return { items, skipped, note: `${items.length} row${items.length === 1 ? "" : "s"}${left}` };
}
