import { describe, expect, it } from "vitest";
import { modelBytes } from "../src/model-bytes.ts";

const info = (name: string, dtype: "F32" | "BF16", shape: readonly number[]) => [name, { name, dtype, shape, file: "" }] as const;

describe("modelBytes", () => {
  it("leaves zeros of pruned layers out, for a bit a weight", () => {
    const tensors = new Map([info("a", "BF16", [4, 8]), info("b", "F32", [3, 3]), info("norm", "F32", [8])]);
    const layers = [
      { tensor: "a", zeros: 16 },
      { tensor: "b", zeros: 5 },
    ];
    const dense = 64 + 36 + 32;
    expect(modelBytes(tensors, layers)).toEqual({ dense, packed: 2 * 16 + 4 + (4 * 4 + 2) + 32 });
    expect(modelBytes(tensors, [])).toEqual({ dense, packed: dense });
  });

  it("leaves a layer as it is where that is smaller", () => {
    expect(modelBytes(new Map([info("a", "BF16", [4, 8])]), [{ tensor: "a", zeros: 1 }])).toEqual({ dense: 64, packed: 64 });
  });
});
