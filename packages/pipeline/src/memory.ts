import { totalmem } from "node:os";

/** What hidden states may take of memory when nothing is said: half of the machine's, or of its container's. */
export function defaultMemory(): number {
  const allowed = process.constrainedMemory?.() ?? 0;
  return (allowed > 0 && allowed < totalmem() ? allowed : totalmem()) / 2;
}
