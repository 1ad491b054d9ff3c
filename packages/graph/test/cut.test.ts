import { describe, expect, it } from "vitest";
import { cutAtTaps, instrument, keepOutputs, type Program, programBuilder, type Reduction } from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

function namesOf(program: Program) {
  const kept = keepOutputs(program, () => true);
  return { inputs: kept.inputs.map(({ name }) => name), ops: kept.ops.map(({ kind }) => kind), outputs: Object.keys(kept.outputs) };
}

describe("cutAtTaps", () => {
  it("parts a block before q/k/v, o, gate/up and down, and computes twice what is cheap only", () => {
    const block = llamaBlock();
    const { cuts, rest } = cutAtTaps(block, [0, 1, 2, 3], ["x"]);
    expect(cuts.map(({ program }) => program.taps.map(({ linears }) => linears.map(({ weight }) => weight)))).toEqual([
      [["q", "k", "v"]],
      [["o"]],
      [["gate", "up"]],
      [["down"]],
    ]);
    expect(cuts.map(({ program }) => namesOf(program))).toEqual([
      { inputs: ["x", "cos", "sin"], ops: [], outputs: [] },
      {
        inputs: ["x", "cos", "sin"],
        ops: ["rmsNorm", "linear", "linear", "linear", "rope", "rope", "attention"],
        outputs: ["attention.6"],
      },
      { inputs: ["attention.6", "x"], ops: ["linear", "add"], outputs: ["add.8"] },
      { inputs: ["add.8"], ops: ["rmsNorm", "linear", "silu", "linear", "mul"], outputs: ["mul.13"] },
    ]);
    expect(namesOf(rest)).toEqual({ inputs: ["add.8", "mul.13"], ops: ["linear", "add"], outputs: ["y"] });
    expect(cuts.map(({ carried }) => carried)).toEqual([["x"], ["attention.6", "x"], ["add.8"], ["add.8", "mul.13"]]);
  });

  it("is the program itself without a tap", () => {
    const block = llamaBlock();
    expect(cutAtTaps(block, [], ["x"])).toEqual({ cuts: [], rest: block });
  });

  it("puts taps together that do not read each other's layers", () => {
    const b = programBuilder({ n: 2 });
    const x = b.input("x", ["batch", "tokens", "n"]);
    const [left, right] = [b.exp(x), b.sqrt(x)];
    const [a, c] = [b.linear(left, b.weight("a", ["n", "n"])), b.linear(right, b.weight("c", ["n", "n"]))];
    const sum = b.add(a, c);
    const block = b.build({ y: b.linear(sum, b.weight("d", ["n", "n"])) });
    const { cuts } = cutAtTaps(block, [2, 1, 0], ["x"]);
    expect(cuts.map(({ program }) => program.taps.length)).toEqual([2, 1]);
    expect(cuts[0]?.carried).toEqual([left.name, right.name]);
  });

  it("computes again what does not depend on the state, and carries an output that is known early", () => {
    const b = programBuilder({ n: 2 });
    const x = b.input("x", ["batch", "tokens", "n"]);
    const turn = b.input("turn", ["n"]);
    const twice = b.add(turn, turn);
    const moved = b.mul(x, twice);
    const out = b.linear(moved, b.weight("w", ["n", "n"]));
    const { cuts, rest } = cutAtTaps(b.build({ early: moved, y: b.mul(out, twice) }), [0], ["x"]);
    expect(cuts[0]?.carried).toEqual([moved.name]);
    expect(namesOf(rest)).toEqual({ inputs: [moved.name, "turn"], ops: ["add", "linear", "mul"], outputs: ["early", "y"] });
  });

  it("is instrumented at its own taps, without the layers behind them", () => {
    const { cuts } = cutAtTaps(llamaBlock(), [1], ["x"]);
    const sum: Reduction = { id: "sum", of: "input", reduce: (b, values) => ({ all: b.reduceSum(values, 1) }) };
    const program = keepOutputs(instrument((cuts[0] as (typeof cuts)[number]).program, [{ tap: 0, reductions: [sum] }]), () => true);
    expect(Object.keys(program.outputs)).toEqual(["attention.6", "tap0/sum/all"]);
    expect(program.ops.filter(({ kind }) => kind === "linear")).toHaveLength(3);
  });

  it("says which tap or state the program has not", () => {
    expect(() => cutAtTaps(llamaBlock(), [9], ["x"])).toThrow("the program has 4 taps, number 9 was asked for");
    expect(() => cutAtTaps(llamaBlock(), [0], ["hidden"])).toThrow("the program has no input hidden");
  });
});
