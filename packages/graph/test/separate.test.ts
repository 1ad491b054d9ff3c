import { describe, expect, it } from "vitest";
import {
  expandProgram,
  gradientProgram,
  instrument,
  type Program,
  programBuilder,
  type Reduction,
  separateSums,
  TOKEN_WEIGHTS,
} from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

const squares: Reduction = {
  id: "squares",
  of: "input",
  reduce(b, values, tokenWeights) {
    const [batch, tokens, channels] = values.shape as readonly [string, string, number];
    const row = b.reshape(tokenWeights, [batch, 1, tokens]);
    return {
      squares: b.reshape(b.matmul(row, b.mul(values, b.mul(values, b.constant(1)))), [batch, channels]),
      weight: b.reduceSum(tokenWeights, 1),
    };
  },
};
const outputs: Reduction = { ...squares, id: "outputs", of: "output" };

function kinds({ ops }: Program): string[] {
  return ops.map(({ kind }) => kind);
}

describe("separateSums", () => {
  it("puts the sums and what serves them alone into a program of their own", () => {
    const block = llamaBlock();
    const whole = instrument(block, [
      { tap: 0, reductions: [squares] },
      { tap: 3, reductions: [squares, outputs] },
    ]);
    const { values, sums, between } = separateSums(whole) as NonNullable<ReturnType<typeof separateSums>>;
    expect(kinds(values).filter((kind) => kind !== "constant")).toEqual(kinds(block));
    expect(new Set(kinds(sums))).toEqual(new Set(["constant", "mul", "reshape", "matmul", "reduceSum"]));
    const [read, last] = [block.taps[0]?.input, block.taps[3]];
    expect(Object.values(between)).toEqual([read, last?.input, last?.linears[0]?.output]);
    expect(Object.keys(values.outputs)).toEqual([...Object.keys(block.outputs), ...Object.keys(between)]);
    expect([values, sums].map(({ inputs }) => inputs.map(({ name }) => name))).toEqual([
      block.inputs.map(({ name }) => name),
      [TOKEN_WEIGHTS, ...Object.values(between)],
    ]);
    expect(new Set([...Object.keys(values.outputs), ...Object.keys(sums.outputs)])).toEqual(
      new Set([...Object.keys(whole.outputs), ...Object.keys(between)]),
    );
    expect(sums.weights).toEqual([]);
  });

  it("tells the sums of a program apart whatever it is written in", () => {
    const whole = instrument(llamaBlock(), [{ tap: 3, reductions: [squares, outputs] }]);
    const sumsOf = (program: Program): readonly string[] =>
      kinds(separateSums(program)?.sums as Program)
        .filter((kind) => kind !== "constant") // each part has those of the whole
        .sort();
    expect(sumsOf(whole)).toContain("matmul");
    expect(sumsOf(expandProgram(whole, () => false))).toEqual(sumsOf(whole));
  });

  it("keeps a backward pass with the values, and its squares with the sums", () => {
    const back = gradientProgram(llamaBlock(), ["y"], ["x"]);
    const squares: Reduction = {
      id: "squares",
      of: "gradient",
      reduce: (b, gradient, weights, input) => {
        const row = b.reshape(weights, ["batch", 1, "tokens"]);
        return { both: b.matmul(row, b.mul(b.mul(gradient, gradient), b.reduceSum(input, 2, true))) };
      },
    };
    const whole = instrument(
      back,
      back.taps.map((_, tap) => ({ tap, reductions: [squares] })),
    );
    const { values, sums, between } = separateSums(whole) as NonNullable<ReturnType<typeof separateSums>>;
    expect(kinds(values).length).toBe(back.ops.length);
    expect(new Set(kinds(sums))).toEqual(new Set(["constant", "reshape", "matmul", "mul", "reduceSum"]));
    const wanted = back.taps.flatMap(({ input, linears }) => [input, ...linears.map(({ gradient }) => gradient)]);
    const given = back.inputs.map(({ name }) => name);
    expect(new Set(Object.values(between))).toEqual(new Set(wanted.filter((name) => !given.includes(name ?? ""))));
  });

  it("leaves a program without token weights alone", () => {
    expect(separateSums(llamaBlock())).toBeUndefined();
  });

  it("keeps with the values what something else reads too, and hands inputs on as they are", () => {
    const b = programBuilder({});
    const [x, ones] = [b.input("x", ["batch", "tokens", 4]), b.input(TOKEN_WEIGHTS, ["batch", "tokens"])];
    const doubled = b.add(x, x);
    const column = b.reshape(ones, ["batch", "tokens", 1]);
    const built = b.build({
      y: b.mul(doubled, doubled),
      own: b.reduceSum(b.mul(x, column), 1),
      shared: b.reduceSum(b.mul(doubled, column), 1),
    });
    const program = { ...built, sums: ["own", "shared"] };
    const { values, sums, between } = separateSums(program) as NonNullable<ReturnType<typeof separateSums>>;
    expect([kinds(values), Object.keys(values.outputs)]).toEqual([
      ["add", "mul"],
      ["y", ...Object.keys(between)],
    ]);
    expect([kinds(sums).length, Object.keys(sums.outputs)]).toEqual([5, ["own", "shared"]]);
    expect(sums.inputs.map(({ name }) => name)).toEqual(["x", TOKEN_WEIGHTS, doubled.name]);
  });
});
