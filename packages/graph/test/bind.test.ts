import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bindAxes, GraphError, programBuilder, resolveShape } from "../src/index.ts";

const b = programBuilder({ heads: 2, headDim: 3 });
const x = b.input("x", ["batch*tokens", "heads*headDim"]);
b.input("rows", ["batch", "tokens", 4]);
b.weight("w", ["heads*headDim", "8"]);
const program = b.build({ y: x });
const values = [...program.inputs, ...program.weights];

describe("bindAxes", () => {
  it("finds the sizes that the shapes were made with, whatever the order of the values", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.integer({ min: 1, max: 9 }), (batch, tokens) => {
        const axes = { ...program.axes, batch, tokens };
        const shapes = Object.fromEntries(values.map(({ name, shape }) => [name, resolveShape(shape, axes)]));
        expect(bindAxes(program, shapes)).toEqual(axes);
      }),
    );
  });

  it("divides a product by its known factors", () => {
    const one = programBuilder({ heads: 2 });
    const input = one.input("x", ["heads*tokens"]);
    expect(bindAxes(one.build({ y: input }), { x: [10] })).toEqual({ heads: 2, tokens: 5 });
    expect(() => bindAxes(one.build({ y: input }), { x: [9] })).toThrow("x has shape [9], the program wants [2*tokens]");
  });

  const good = { x: [10, 6], rows: [2, 5, 4], w: [6, 8] };
  it.each<[string, Record<string, number[]>, string]>([
    ["missing", { x: [10, 6], w: [6, 8] }, "rows is missing, the program wants it of shape [batch, tokens, 4]"],
    ["another rank", { ...good, rows: [2, 20] }, "rows has shape [2, 20], the program wants [batch, tokens, 4]"],
    ["another size", { ...good, w: [6, 9] }, "w has shape [6, 9], the program wants [6, 8] with batch = 2, tokens = 5"],
    ["a contradiction", { ...good, x: [11, 6] }, "x has shape [11, 6], the program wants [batch*tokens, 6] with batch = 2, tokens = 5"],
    ["an empty axis", { ...good, rows: [0, 5, 4] }, "rows has shape [0, 5, 4], the program wants [batch, tokens, 4]"],
  ])("refuses a value that is %s", (_, shapes, message) => {
    expect(() => bindAxes(program, shapes)).toThrow(new GraphError("shape", message));
  });

  it("refuses axes that occur only in a product", () => {
    const one = programBuilder({});
    const input = one.input("x", ["batch*tokens"]);
    expect(() => bindAxes(one.build({ y: input }), { x: [6] })).toThrow(
      new GraphError("unbound-axis", "the size of axis batch is not known"),
    );
  });
});
