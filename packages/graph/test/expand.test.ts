import { describe, expect, it } from "vitest";
import { expandProgram, OP_KINDS, type Program, programBuilder, valueNamed } from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

const kinds = (program: Program): Set<string> => new Set(program.ops.map((op) => op.kind));
const fused = new Set(OP_KINDS.fused);

describe("expandProgram", () => {
  it("leaves only primitives when nothing is kept, those inside expansions included", () => {
    const expanded = expandProgram(llamaBlock(), () => false);
    expect([...kinds(expanded)].filter((kind) => fused.has(kind))).toEqual([]);
  });

  it("leaves exactly the kept ops, wherever they stand", () => {
    const expanded = expandProgram(llamaBlock(), (kind) => kind === "softmax" || kind === "linear");
    expect([...kinds(expanded)].filter((kind) => fused.has(kind)).sort()).toEqual(["linear", "softmax"]);
  });

  it("changes nothing when all is kept", () => {
    expect(expandProgram(llamaBlock(), () => true)).toEqual(llamaBlock());
  });

  it("keeps inputs, weights, taps and the shapes of outputs", () => {
    const program = llamaBlock();
    const expanded = expandProgram(program, () => false);
    expect(expanded.inputs).toEqual(program.inputs);
    expect(expanded.weights).toEqual(program.weights);
    expect(expanded.taps.map((tap) => tap.linears.map(({ weight }) => weight))).toEqual(
      program.taps.map((tap) => tap.linears.map(({ weight }) => weight)),
    );
    for (const [i, tap] of expanded.taps.entries()) {
      expect(valueNamed(expanded, tap.input).shape).toEqual(valueNamed(program, program.taps[i]?.input ?? "").shape);
    }
    expect(valueNamed(expanded, expanded.outputs.y ?? "").shape).toEqual(valueNamed(program, program.outputs.y ?? "").shape);
  });

  it("keeps the share of a tap", () => {
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", 4]);
    const share = b.reduceMax(b.softmax(b.linear(x, b.weight("router", [2, 4]))), -1);
    const y = b.linear(x, b.weight("w", [3, 4]), undefined, share);
    const expanded = expandProgram(b.build({ y, share }), () => false);
    expect(expanded.taps[1]?.share).toBe(expanded.outputs.share);
  });
});
