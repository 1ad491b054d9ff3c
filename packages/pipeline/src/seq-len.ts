import { SecateurError } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";

/** The tokens of a sequence: those asked for, or 2048, or the model's positions if fewer. Throws SecateurError `usage`. */
export function chooseSeqLen(asked: number | undefined, { positions }: ModelDescription): number {
  if (asked !== undefined && asked > positions)
    throw new SecateurError("usage", `--seq-len ${asked} is longer than the model's ${positions} positions`);
  return asked ?? Math.min(2048, positions);
}
