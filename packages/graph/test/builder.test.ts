import { describe, expect, it } from "vitest";
import { GraphError, OP_KINDS, opDefinition, type Program, programBuilder } from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

describe("programBuilder", () => {
  it("writes ops in the order they run, every value once", () => {
    const program = llamaBlock();
    const written = new Set([...program.inputs, ...program.weights].map(({ name }) => name));
    for (const op of program.ops) {
      for (const input of op.inputs) expect(written).toContain(input);
      expect(written).not.toContain(op.output);
      written.add(op.output);
    }
    expect([...written].sort()).toEqual(Object.keys(program.values).sort());
  });

  it("is plain data: a copy by JSON is the same program", () => {
    expect(JSON.parse(JSON.stringify(llamaBlock()))).toEqual(llamaBlock());
  });

  it("counts axes from the front in the program", () => {
    const b = programBuilder({});
    const x = b.input("x", ["tokens", 3]);
    b.reduceSum(x, -1);
    b.slice(x, -1, 0, 2);
    b.concat([x, x], -1);
    b.iota(x, -2);
    expect(b.build({ x }).ops.map((op) => op.attributes.axis)).toEqual([1, 1, 1, 0]);
  });

  it("keeps what weights call their axes beside their sizes", () => {
    const { weights } = llamaBlock();
    expect(weights.find(({ name }) => name === "q")).toEqual({
      name: "q",
      type: "F32",
      shape: [32, 32],
      axes: ["heads*headDim", "hidden"],
    });
  });

  it("leaves a built program as it is when writing goes on", () => {
    const b = programBuilder({});
    const x = b.input("x", [2]);
    const program = b.build({ y: b.exp(x) });
    const before = JSON.stringify(program);
    b.linear(b.log(b.input("z", [3])), b.weight("w", [2, 3]));
    expect(JSON.stringify(program)).toBe(before);
  });

  it("continues a program without changing it", () => {
    const program = llamaBlock();
    const before = JSON.stringify(program);
    const b = programBuilder(program.axes, program);
    const longer = b.build({ more: b.silu(program.values[program.outputs.y as string] as Program["inputs"][number]) });
    expect(longer.ops.length).toBe(program.ops.length + 1);
    expect(longer.taps).toEqual(program.taps);
    expect(JSON.stringify(program)).toBe(before);
  });

  it("refuses names that are taken, values of other programs and ops that there are not", () => {
    const b = programBuilder({});
    const x = b.input("x", [2]);
    const stranger = programBuilder({}).input("x", [2]);
    expect(() => b.weight("x", [2])).toThrow(new GraphError("duplicate", "the program already has a value x"));
    expect(() => b.exp(stranger)).toThrow(new GraphError("unknown-value", "exp reads x, which is not of this program"));
    expect(() => b.build({ y: stranger })).toThrow(new GraphError("unknown-value", "the output y reads x, which is not of this program"));
    expect(() => b.op("gelu", [x])).toThrow(new GraphError("unknown-op", "there is no op gelu"));
    expect(() => b.op("toString", [x])).toThrow(new GraphError("unknown-op", "there is no op toString"));
  });

  it.each([0, -1, 1.5, Number.NaN, "", "*a", "2*-3", "a b"])("refuses the dimension %j", (dim) => {
    expect(() => programBuilder({}).input("x", [dim])).toThrow(
      new GraphError("shape", `x has the dimension ${JSON.stringify(dim)}: wanted a whole number of at least 1 or names of axes`),
    );
  });

  it("refuses an axis whose size is no size", () => {
    expect(() => programBuilder({ hidden: 0 }).input("x", ["hidden"])).toThrow("x has the dimension 0");
  });
});

describe("taps", () => {
  it("are one for all linear layers that read the same value", () => {
    const taps = llamaBlock().taps.map((tap) => tap.linears.map(({ weight }) => weight));
    expect(taps).toEqual([["q", "k", "v"], ["o"], ["gate", "up"], ["down"]]);
  });

  it("name the value that is read and each layer's output", () => {
    const { ops, taps } = llamaBlock();
    for (const tap of taps) {
      for (const { weight, output } of tap.linears) {
        expect(ops.find((op) => op.output === output)).toMatchObject({ kind: "linear", inputs: [tap.input, weight] });
      }
    }
  });

  it("are one for each share of the tokens", () => {
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", 4]);
    const shares = ["first", "second"].map((name) => b.input(name, ["batch", "tokens"]));
    for (const [i, share] of shares.entries()) {
      b.linear(x, b.weight(`gate${i}`, [6, 4]), undefined, share);
      b.linear(x, b.weight(`up${i}`, [6, 4]), undefined, share);
    }
    b.linear(x, b.weight("router", [2, 4]));
    expect(b.build({ x }).taps.map(({ share, linears }) => [share, linears.map(({ weight }) => weight)])).toEqual([
      ["first", ["gate0", "up0"]],
      ["second", ["gate1", "up1"]],
      [undefined, ["router"]],
    ]);
  });

  it("refuse a share that is not one number a token", () => {
    const b = programBuilder({});
    const x = b.input("x", ["batch", "tokens", 4]);
    const share = b.input("share", ["tokens", "batch"]);
    expect(() => b.linear(x, b.weight("w", [6, 4]), undefined, share)).toThrow(
      new GraphError("shape", "the share of the tokens of x is F32 of shape [tokens, batch], wanted F32 of shape [batch, tokens]"),
    );
  });
});

describe("opDefinition", () => {
  it("gives fused ops an expansion and primitives none", () => {
    for (const kind of OP_KINDS.primitive) expect(opDefinition(kind).expand).toBeUndefined();
    for (const kind of OP_KINDS.fused) expect(opDefinition(kind).expand).toBeTypeOf("function");
  });
});
