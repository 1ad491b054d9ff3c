import { describe, expect, it } from "vitest";
import { GraphError, instrument, programBuilder, type Reduction, TOKEN_WEIGHTS, tapOutput, valueNamed } from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

const total: Reduction = {
  id: "total",
  of: "input",
  reduce: (b, values, weights) => ({ sum: b.matmul(b.reshape(weights, ["batch", 1, "tokens"]), values), weight: b.reduceSum(weights, 1) }),
};
const given: Reduction = { ...total, id: "given", of: "output" };

describe("instrument", () => {
  it("adds the token weights and an output for every sum, named by tap, statistic and sum", () => {
    const program = instrument(llamaBlock(), [
      { tap: 0, reductions: [total] },
      { tap: 3, reductions: [total] },
    ]);
    expect(program.inputs.at(-1)).toEqual({ name: TOKEN_WEIGHTS, type: "F32", shape: ["batch", "tokens"] });
    expect(Object.keys(program.outputs)).toEqual(["y", "tap0/total/sum", "tap0/total/weight", "tap3/total/sum", "tap3/total/weight"]);
    expect(tapOutput(0, total, "sum", "k")).toBe("tap0/total/sum");
    expect(valueNamed(program, program.outputs["tap3/total/sum"] ?? "").shape).toEqual(["batch", 1, 48]);
  });

  it("takes a statistic of outputs for each linear layer", () => {
    const program = instrument(llamaBlock(), [{ tap: 0, reductions: [given] }]);
    const sums = Object.keys(program.outputs).filter((name) => name.endsWith("/sum"));
    expect(sums).toEqual(["q", "k", "v"].map((weight) => tapOutput(0, given, "sum", weight)));
    expect(sums[1]).toBe("tap0/k/given/sum");
    expect(sums.map((name) => valueNamed(program, program.outputs[name] ?? "").shape[2])).toEqual([32, 16, 16]);
  });

  it("weighs the tokens of a tap by its share", () => {
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", 4]);
    const share = b.input("share", ["batch", "tokens"]);
    const y = b.linear(x, b.weight("w", [3, 4]), undefined, share);
    const { ops } = instrument(b.build({ y }), [{ tap: 0, reductions: [total] }]);
    const weighed = ops.find((op) => op.kind === "mul");
    expect(weighed?.inputs).toEqual([TOKEN_WEIGHTS, "share"]);
    expect(ops.find((op) => op.kind === "reduceSum")?.inputs).toEqual([weighed?.output]);
  });

  it("leaves the program that it reads as it is", () => {
    const program = llamaBlock();
    instrument(program, [{ tap: 1, reductions: [total, given] }]);
    expect(program).toEqual(llamaBlock());
  });

  it("refuses a tap that there is not", () => {
    expect(() => instrument(llamaBlock(), [{ tap: 4, reductions: [total] }])).toThrow(
      new GraphError("unknown-value", "the program has 4 taps, number 4 was asked for"),
    );
  });
});
