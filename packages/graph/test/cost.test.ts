import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { costOf, GraphError, instrument, programBuilder, resolveDim } from "../src/index.ts";
import { llamaBlock, SIZES } from "./llama-block.ts";

const sizes = fc.record({ batch: fc.integer({ min: 1, max: 8 }), tokens: fc.integer({ min: 1, max: 512 }) });

describe("costOf", () => {
  it("counts a block's multiplications as 2·parameters·tokens and attention as 4·tokens²·width, and little beside", () => {
    fc.assert(
      fc.property(sizes, ({ batch, tokens }) => {
        const program = llamaBlock();
        const matrices = program.weights.filter(({ shape }) => shape.length === 2);
        const parameters = matrices.reduce((sum, { shape }) => sum + (shape as number[]).reduce((a, b) => a * b), 0);
        const heavy = 2 * parameters * batch * tokens + 4 * batch * tokens ** 2 * SIZES.heads * SIZES.headDim;
        // two norms (4), two turns of q and k (3), silu (4), a product and two sums (1), a number
        const { hidden, ffn, heads, kvHeads, headDim } = SIZES;
        const light = batch * tokens * (2 * 4 * hidden + 3 * (heads + kvHeads) * headDim + 5 * ffn + 2 * hidden);
        expect(costOf(program, { batch, tokens }).flops).toBe(heavy + light);
      }),
    );
  });

  it("counts the bytes of the weights once, whatever the sizes", () => {
    const program = llamaBlock();
    const bytes = program.weights.reduce(
      (sum, { shape }) => sum + 4 * shape.reduce<number>((size, dim) => size * resolveDim(dim, {}), 1),
      0,
    );
    for (const tokens of [1, 100]) expect(costOf(program, { batch: 1, tokens }).weightBytes).toBe(bytes);
  });

  it("keeps inputs alive to the end, and other values as long as they are read", () => {
    const b = programBuilder({});
    const x = b.input("x", ["tokens"]); // 4 bytes a token, all along
    const first = b.exp(x); // 8
    const second = b.exp(first); // 12, then 8
    b.exp(second); // 12: never read, so 8 again
    const wide = b.add(b.reshape(second, ["tokens", 1]), b.constant(1)); // 12, 16, then 16 with the sum and 4 bytes more
    expect(costOf(b.build({ wide }), { tokens: 10 }).peakBytes).toBe(4 * 10 * 3 + 4);
  });

  it("grows with the tokens, and with statistics", () => {
    const measured = instrument(llamaBlock(), [
      { tap: 0, reductions: [{ id: "sum", of: "input", reduce: (b, x) => ({ sum: b.reduceSum(x, 1) }) }] },
    ]);
    fc.assert(
      fc.property(sizes, ({ batch, tokens }) => {
        const cost = costOf(llamaBlock(), { batch, tokens });
        const more = costOf(llamaBlock(), { batch, tokens: tokens + 1 });
        expect(more.flops).toBeGreaterThan(cost.flops);
        expect(more.peakBytes).toBeGreaterThan(cost.peakBytes);
        expect(costOf(measured, { batch, tokens }).flops).toBe(cost.flops + batch * tokens * SIZES.hidden);
      }),
    );
  });

  it("wants a size for every axis", () => {
    expect(() => costOf(llamaBlock(), { batch: 1 })).toThrow(new GraphError("unbound-axis", "the size of axis tokens is not known"));
  });
});
