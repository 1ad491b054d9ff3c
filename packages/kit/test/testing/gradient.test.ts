import { type Axes, GraphError, gradientName, gradientProgram, type Program, valueNamed } from "@secateur/graph";
import { type Random, seededRandom, type Tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type BackendCase, blockCase, gradientCase, opCases } from "../../src/testing/backend-cases.ts";
import { evaluateProgram } from "../../src/testing/program-oracle.ts";

const SIZES: Axes = { batch: 2, tokens: 3 };

/** The inputs of a case in double precision, no two numbers the same: where a maximum is reached twice there is no derivative. */
function drawDoubles({ draw }: BackendCase, random: Random): Record<string, Tensor> {
  return Object.fromEntries(
    Object.entries(draw(SIZES, random)).map(([name, { dtype, shape, data }]) => {
      const doubles = Float64Array.from(data as Float32Array, (value) => (dtype === "F32" ? value + 0.1 * random.next() : value));
      return [name, { dtype, shape, data: doubles } as unknown as Tensor]; // the oracle takes any numbers
    }),
  );
}

function numbersIn({ inputs, weights }: Program): string[] {
  return [...inputs, ...weights].flatMap(({ name, type }) => (type === "F32" ? [name] : []));
}

/** ∂loss/∂x by central differences, loss = Σ g·y. */
function differences(program: Program, inputs: Record<string, Tensor>, name: string): number[] {
  const lossWith = (data: Float64Array): number => {
    const { y } = evaluateProgram(program, { ...inputs, [name]: { ...inputs[name], data } as unknown as Tensor }, SIZES);
    const [values, given] = [y, inputs[gradientName("y")]].map((one) => one?.data as Float64Array) as [Float64Array, Float64Array];
    return values.reduce((sum, value, i) => sum + value * (given[i] as number), 0);
  };
  const data = inputs[name]?.data as unknown as Float64Array;
  const step = 1e-5;
  return Array.from(data, (value, k) => (lossWith(data.with(k, value + step)) - lossWith(data.with(k, value - step))) / (2 * step));
}

function expectGradients(one: BackendCase): void {
  const names = numbersIn(one.program);
  const backward = gradientCase(one, names);
  const inputs = drawDoubles(backward, seededRandom(3));
  const found = evaluateProgram(backward.program, inputs, SIZES);
  for (const name of names) {
    const gradient = found[gradientName(name)]?.data as Float64Array;
    const wanted = differences(one.program, inputs, name);
    expect(gradient.length, name).toBe(wanted.length);
    // Central differences of step h err by h² times third derivatives, here some 1e-10 times at most 1e3, and by rounding 1e-16·|loss|/h.
    const bound = 1e-6 * Math.max(1, ...wanted.map(Math.abs));
    wanted.forEach((value, k) => {
      expect(Math.abs((gradient[k] as number) - value), `${name}[${k}]: ${gradient[k]} against ${value}`).toBeLessThanOrEqual(bound);
    });
  }
}

describe("the gradient of every op equals central differences in double precision", () => {
  const cases = opCases();
  const hasGradient = ({ program }: BackendCase): boolean => {
    const moving = new Set(numbersIn(program));
    for (const { inputs, output } of program.ops)
      if (valueNamed(program, output).type === "F32" && inputs.some((name) => moving.has(name))) moving.add(output);
    return moving.has(program.outputs.y as string);
  };
  it.each(cases.filter(hasGradient).map((one) => [one.name, one] as const))("%s", (_, one) => expectGradients(one));

  it.each(cases.filter((one) => !hasGradient(one)).map((one) => [one.name, one.program] as const))("%s has none", (_, program) => {
    expect(() => gradientProgram(program, ["y"], numbersIn(program))).toThrow(GraphError);
  });
});

describe("the gradient of a block", () => {
  it("equals central differences, through every op of it", () => expectGradients(blockCase()));

  it("is there at the output of every linear layer, and equals what a bias there would have", () => {
    const { program, draw } = blockCase();
    const backward = gradientCase({ name: "block", program, draw }, ["bq"]);
    const inputs = drawDoubles(backward, seededRandom(4));
    const found = evaluateProgram(backward.program, inputs, SIZES);
    expect(backward.program.taps.flatMap(({ linears }) => linears.map(({ gradient }) => gradient !== undefined))).toEqual(
      new Array(7).fill(true),
    );
    const atLayer = found.wq?.data as Float64Array; // (batch, tokens, out)
    const wanted = new Float64Array(16);
    atLayer.forEach((value, i) => {
      wanted[i % 16] = (wanted[i % 16] as number) + value;
    });
    for (const [i, value] of wanted.entries()) expect(found[gradientName("bq")]?.data[i]).toBeCloseTo(value, 10);
  });

  it("is computed without what only the forward pass gives", () => {
    const { program } = blockCase();
    const { ops, taps } = gradientProgram(program, ["y"], ["x"]);
    expect(taps).toHaveLength(program.taps.length);
    expect(ops.filter(({ kind }) => kind === "attention")).toEqual([]); // its weights are needed one by one
  });

  it("refuses names that the program has not, and outputs that do not depend on what is asked for", () => {
    const { program } = blockCase();
    expect(() => gradientProgram(program, ["z"], ["x"])).toThrow(new GraphError("unknown-value", "the program has no output z"));
    expect(() => gradientProgram(program, ["y"], ["z"])).toThrow(new GraphError("unknown-value", "the program has no value z"));
    expect(() => gradientProgram(program, ["tap0"], ["down"])).toThrow(
      new GraphError("no-gradient", "tap0 of the program does not depend on down"),
    );
  });
});
