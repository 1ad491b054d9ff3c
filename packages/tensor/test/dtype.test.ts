import { describe, expect, it } from "vitest";
import { allocate, bytesPerElement, type DType, isDType, viewBytes } from "../src/index.ts";

const SIZES: Record<DType, number> = { F64: 8, F32: 4, F16: 2, BF16: 2, I64: 8, I32: 4, I16: 2, I8: 1, U8: 1, BOOL: 1 };

describe("dtypes", () => {
  it.each(Object.entries(SIZES))("%s has elements of %i bytes", (name, size) => {
    const dtype = name as DType;
    expect(isDType(dtype)).toBe(true);
    expect(bytesPerElement(dtype)).toBe(size);
    expect(allocate(dtype, 3).byteLength).toBe(3 * size);
    const buffer = new ArrayBuffer(4 * size);
    const view = viewBytes(dtype, buffer, size, 2);
    expect([view.length, view.byteOffset, view.buffer]).toEqual([2, size, buffer]);
  });

  it.each(["f32", "F8_E4M3", "", "toString", "__proto__"])("%j is no dtype", (name) => expect(isDType(name)).toBe(false));
});
