import { describe, expect, it } from "vitest";
import { cachedProgram, costOf, GraphError, programBuilder } from "../src/index.ts";
import { llamaBlock, SIZES } from "./llama-block.ts";

describe("a block's program with a cache", () => {
  const block = llamaBlock();
  const { first, next, kvHeads, headDim } = cachedProgram(block);
  const shapes = (program: typeof first) =>
    Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [name, program.values[value]?.shape]));
  const width = SIZES.kvHeads * SIZES.headDim;

  it("gives the keys and values of its tokens beside what it gave", () => {
    expect([kvHeads, headDim]).toEqual([SIZES.kvHeads, SIZES.headDim]);
    for (const program of [first, next])
      expect(shapes(program)).toEqual({
        y: ["batch", "tokens", SIZES.hidden],
        keys: ["batch", "tokens", width],
        values: ["batch", "tokens", width],
      });
  });

  it("reads a past, and angles of each sequence's own positions, where it continues one", () => {
    expect(first.inputs).toEqual(block.inputs);
    expect(next.inputs).toEqual([
      { name: "x", type: "F32", shape: ["batch", "tokens", SIZES.hidden] },
      { name: "cos", type: "F32", shape: ["batch", "tokens", SIZES.headDim / 2] },
      { name: "sin", type: "F32", shape: ["batch", "tokens", SIZES.headDim / 2] },
      { name: "pastKeys", type: "F32", shape: ["batch", SIZES.kvHeads, "slots", SIZES.headDim] },
      { name: "pastValues", type: "F32", shape: ["batch", SIZES.kvHeads, "slots", SIZES.headDim] },
      { name: "seen", type: "BOOL", shape: ["batch", "tokens", "slots"] },
    ]);
    expect(next.weights).toEqual(block.weights);
    expect(next.ops.map(({ kind }) => kind)).toEqual(block.ops.map(({ kind }) => kind.replace(/^attention$/, "cachedAttention")));
  });

  it("costs what the tokens cost by themselves, and their queries on the past", () => {
    const alone = costOf(block, { batch: 2, tokens: 3 });
    const after = costOf(next, { batch: 2, tokens: 3, slots: 50 });
    expect(after.flops - alone.flops).toBe(4 * 2 * 3 * SIZES.heads * SIZES.headDim * 50);
    expect(after.weightBytes).toBe(alone.weightBytes);
  });

  it("is made of a block with one attention", () => {
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", 4]);
    const options = { heads: 2, kvHeads: 2, scale: 1, window: 0 };
    const once = b.attention(x, x, x, options);
    const twice = () => cachedProgram(b.build({ y: b.attention(once, once, once, options) }));
    expect(() => cachedProgram(b.build({ y: once }))).not.toThrow();
    expect(twice).toThrow(new GraphError("unknown-op", "a block with one attention can be cached, this program has 2"));
    expect(() => cachedProgram({ ...b.build({ y: x }), ops: [] })).toThrow("this program has 0");
  });
});
