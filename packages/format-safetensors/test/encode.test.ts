import { readFile } from "node:fs/promises";
import type { Tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, encodeSafetensors } from "../src/index.ts";
import { bitsOf, DTYPES, expectError, randomTensor } from "./support.ts";

describe("encodeSafetensors and decodeSafetensors", () => {
  it("keep every bit of every dtype", () => {
    const shape = fc.array(fc.nat(5), { maxLength: 3 });
    const tensors = fc.dictionary(
      fc.string().filter((name) => name !== "__metadata__"),
      fc.record({ dtype: fc.constantFrom(...DTYPES), shape, seed: fc.integer() }),
    );
    fc.assert(
      fc.property(tensors, (described) => {
        const written = new Map<string, Tensor>(
          Object.entries(described).map(([name, t]) => [name, randomTensor(t.dtype, t.shape, t.seed)]),
        );
        const { tensors: read } = decodeSafetensors(encodeSafetensors(written), "f");
        expect([...read.keys()].sort()).toEqual([...written.keys()].sort());
        for (const [name, t] of written) expect(bitsOf(read.get(name) as Tensor)).toEqual(bitsOf(t));
      }),
    );
  });

  it("write a published file again byte for byte", async () => {
    const published = await readFile(new URL("fixtures/llama/model.safetensors", import.meta.url));
    const { tensors, metadata } = decodeSafetensors(published, "model.safetensors");
    expect(tensors.size).toBe(29);
    expect(Buffer.compare(encodeSafetensors(tensors, metadata), published)).toBe(0);
  });

  it("refuse a file that is cut", () =>
    expectError(
      () => decodeSafetensors(encodeSafetensors(new Map([["a", randomTensor("F32", [4], 1)]])).subarray(0, -2), "f"),
      "format",
      'f: tensor "a": the file is truncated: it has 14 of the 16 bytes of data that its header describes',
    ));
});
