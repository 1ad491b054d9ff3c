import { SecateurError } from "@secateur/kit";
import { bytesOf, type DType, tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { applyMask, countZeros } from "../src/index.ts";

const FLOATS = ["F64", "F32", "F16", "BF16"] as const;

describe("applyMask", () => {
  it("sets what is pruned to +0 and keeps every bit of the rest", () => {
    fc.assert(
      fc.property(fc.constantFrom(...FLOATS), fc.boolean(), fc.infiniteStream(fc.nat(255)), (dtype, transposed, stream) => {
        const [rows, cols] = [3, 5];
        const weights = tensor<DType>(dtype, transposed ? [cols, rows] : [rows, cols]);
        const bytes = bytesOf(weights);
        for (let i = 0; i < bytes.length; i++) bytes[i] = stream.next().value;
        const before = bytes.slice();
        const mask = Uint8Array.from({ length: rows * cols }, () => stream.next().value & 1);
        const result = applyMask(weights, mask, transposed);
        expect([result.dtype, result.shape]).toEqual([dtype, weights.shape]);
        expect(bytes).toEqual(before);
        const size = bytes.length / mask.length;
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < cols; j++) {
            const at = (transposed ? j * rows + i : i * cols + j) * size;
            const wanted = mask[i * cols + j] ? before.slice(at, at + size) : new Uint8Array(size);
            expect(bytesOf(result).slice(at, at + size)).toEqual(wanted);
          }
        }
      }),
    );
  });

  it("refuses other dtypes and sizes", () => {
    expect(() => applyMask(tensor("I32", [2]), new Uint8Array(2))).toThrow(
      new SecateurError("unsupported", "weights of dtype I32 cannot be pruned, wanted F64, F32, F16 or BF16"),
    );
    expect(() => applyMask(tensor("F32", [2, 3]), new Uint8Array(5))).toThrow(
      new SecateurError("internal", "a mask of 5 was given for weights of shape [2, 3]"),
    );
    expect(() => applyMask(tensor("F32", [6]), new Uint8Array(6), true)).toThrow(
      new SecateurError("internal", "a mask of 6 was given for weights of shape [6]"),
    );
  });
});

describe("countZeros", () => {
  it.each(FLOATS)("counts both zeros of %s", (dtype) => {
    const weights = tensor<DType>(dtype, [5]);
    const bytes = bytesOf(weights);
    const size = bytes.length / 5;
    bytes[2 * size - 1] = 0x80; // −0
    bytes[2 * size] = 1; // the least subnormal
    bytes[4 * size - 1] = 0xc0; // −2
    expect(countZeros(weights)).toBe(3);
  });

  it("refuses other dtypes", () => {
    expect(() => countZeros(tensor("U8", [2]))).toThrow(
      new SecateurError("unsupported", "weights of dtype U8 have no sparsity, wanted F64, F32, F16 or BF16"),
    );
  });
});
