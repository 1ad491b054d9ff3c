import type { Tfjs } from "./tfjs.ts";

/**
 * Has the wasm backend fail where its memory, 4 GiB at most, has no room for a tensor. By itself it takes the answer that there is none for an
 * address, and computes on in memory that is in use.
 */
export function refuseFullMemory(tf: Tfjs): void {
  const { wasm } = tf.backend() as { readonly wasm?: { _malloc?: Allocate; readonly HEAPU8: Uint8Array } };
  const allocate = wasm?._malloc;
  if (!wasm || !allocate || allocate.refuses) return;
  const refusing: Allocate = (bytes) => {
    const address = allocate(bytes) >>> 0; // it comes as a signed number, which is below 0 past 2 GiB
    wasm._malloc = refuses; // the first call puts the module's own function in its place
    if (address > 0 && address + bytes <= wasm.HEAPU8.length) return address;
    throw new Error(`${(bytes / 2 ** 20).toFixed(1)} MiB more do not fit in wasm's memory, 4 GiB at most`);
  };
  const refuses = Object.assign(refusing, { refuses: true as const });
  wasm._malloc = refuses;
}

/** Takes memory and gives its address, or none of its memory when there is no room. */
interface Allocate {
  (bytes: number): number;
  readonly refuses?: true;
}
