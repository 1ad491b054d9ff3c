import { createHash } from "node:crypto";
import type { Json } from "@secateur/kit";
import type { DType } from "@secateur/tensor";
import { canonicalJson } from "./json.ts";

/**
 * SHA-256 over a model's config and, in the order of their names, each tensor's name, dtype, shape and bytes: `sha256:` and 64 hex digits.
 * Neither the order of the tensors nor their split over files counts. `pieces` gives a tensor's bytes from first to last.
 */
export async function hashModel(
  config: Json,
  tensors: Iterable<{ readonly name: string; readonly dtype: DType; readonly shape: readonly number[] }>,
  pieces: (name: string) => AsyncIterable<Uint8Array>,
): Promise<string> {
  const hash = createHash("sha256");
  hash.update(`${canonicalJson(config)}\n`);
  const sorted = [...tensors].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  for (const { name, dtype, shape } of sorted) {
    // A line of JSON before the bytes, which it counts: no two models give the same stream.
    hash.update(`${JSON.stringify([name, dtype, shape])}\n`);
    for await (const bytes of pieces(name)) hash.update(bytes);
  }
  return `sha256:${hash.digest("hex")}`;
}
