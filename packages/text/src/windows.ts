import { SecateurError } from "@secateur/kit";

/**
 * Cuts a text's ids into windows of `seqLen` tokens for perplexity: without overlap, the remainder dropped, each beginning with the begin tokens,
 * which are not among `ids` and count towards its length. A text shorter than one window is one shorter window. A window of n tokens predicts
 * n − 1. Throws SecateurError `data` when there is nothing to predict, `usage` when a window has no room for two tokens, one of them of the text.
 */
export function evaluationWindows(ids: Int32Array, seqLen: number, beginTokens: readonly number[] = []): readonly Int32Array[] {
  const room = seqLen - beginTokens.length;
  if (!Number.isSafeInteger(seqLen) || seqLen < 2 || room < 1) {
    throw new SecateurError(
      "usage",
      `windows of ${seqLen} tokens were asked for, at least ${Math.max(2, beginTokens.length + 1)} were wanted`,
    );
  }
  const count = Math.floor(ids.length / room);
  if (count === 0) {
    if (ids.length === 0 || beginTokens.length + ids.length < 2) {
      throw new SecateurError("data", `nothing to predict: the text has ${ids.length === 0 ? "no token" : "one token"}`);
    }
    return [Int32Array.from([...beginTokens, ...ids])];
  }
  return Array.from({ length: count }, (_, i) => {
    const window = new Int32Array(seqLen);
    window.set(beginTokens);
    window.set(ids.subarray(i * room, (i + 1) * room), beginTokens.length);
    return window;
  });
}
