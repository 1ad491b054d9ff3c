import { describe, expect, it } from "vitest";
import { keepOutputs, programBuilder } from "../src/index.ts";

describe("keepOutputs", () => {
  const b = programBuilder({});
  const x = b.input("x", ["n"]);
  const shared = b.exp(x);
  const program = b.build({ sum: b.add(shared, x), root: b.sqrt(b.log(shared)), same: x });

  it("drops the ops that only other outputs need, and keeps the order of the rest", () => {
    const kept = keepOutputs(program, (name) => name === "sum");
    expect(kept.ops.map(({ kind }) => kind)).toEqual(["exp", "add"]);
    expect(Object.keys(kept.outputs)).toEqual(["sum"]);
    expect(kept.inputs).toEqual(program.inputs);
  });

  it("keeps a tap for the linear layers that are still computed", () => {
    const b = programBuilder({ in: 2, out: 3 });
    const x = b.input("x", ["n", "in"]);
    const [first, second] = ["v", "w"].map((name) => b.linear(x, b.weight(name, ["out", "in"])));
    const both = b.build({ first: first as NonNullable<typeof first>, second: second as NonNullable<typeof second> });
    expect(keepOutputs(both, (name) => name === "second").taps).toEqual([{ input: "x", linears: [{ weight: "w", output: second?.name }] }]);
    expect(keepOutputs(both, () => false).taps).toEqual([]);
  });

  it("leaves nothing where an output is an input, and everything where all are kept", () => {
    expect(keepOutputs(program, (name) => name === "same").ops).toEqual([]);
    expect(keepOutputs(program, () => true)).toEqual(program);
  });
});
