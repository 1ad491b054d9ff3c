import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { byteSize, bytesOf, type DType, f32, fromFloat32, isFloat, sizeOf, tensor, toFloat32 } from "../src/index.ts";

describe("tensor", () => {
  it("holds the product of its shape", () => {
    expect(sizeOf([])).toBe(1);
    expect(sizeOf([2, 0, 3])).toBe(0);
    expect(tensor("BF16", [2, 3]).data).toEqual(new Uint16Array(6));
    expect(byteSize(tensor("I64", [2, 3]))).toBe(48);
    expect(f32([2]).data).toEqual(new Float32Array(2));
  });

  it("refuses data of another size", () => {
    expect(() => f32([2, 3], new Float32Array(5))).toThrow("a tensor of shape [2, 3] holds 6 elements, but 5 were given");
  });

  it("gives its bytes without a copy", () => {
    const data = new Float32Array(8).subarray(2, 4);
    const bytes = bytesOf(f32([2], data));
    expect([bytes.buffer, bytes.byteOffset, bytes.byteLength]).toEqual([data.buffer, 8, 8]);
  });

  it("widens and narrows each floating-point dtype", () => {
    const exact = fc.array(fc.integer({ min: -128, max: 128 }).map((n) => n / 16));
    fc.assert(
      fc.property(exact, fc.constantFrom<DType>("F64", "F32", "F16", "BF16"), (numbers, dtype) => {
        const values = Float32Array.from(numbers);
        const t = fromFloat32(dtype, [values.length], values);
        expect(t.dtype).toBe(dtype);
        expect(toFloat32(t)).toEqual(values);
      }),
    );
  });

  it("shares the values of an F32 tensor", () => {
    const values = Float32Array.of(1, 2);
    expect(fromFloat32("F32", [2], values).data).toBe(values);
    expect(toFloat32(f32([2], values))).toBe(values);
  });

  it("refuses to compute with other dtypes", () => {
    expect(isFloat("I32")).toBe(false);
    expect(isFloat("BF16")).toBe(true);
    expect(() => toFloat32(tensor("I32", [1]))).toThrow(new TypeError("I32 is not a floating-point dtype"));
    expect(() => fromFloat32("BOOL", [1], new Float32Array(1))).toThrow(new TypeError("BOOL is not a floating-point dtype"));
  });
});
