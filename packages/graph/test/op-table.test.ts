import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dim, GraphError, type ProgramBuilder, programBuilder, type Value } from "../src/index.ts";

/** A builder with a value of each kind that the cases read. */
function start(): { b: ProgramBuilder } & Record<"x" | "row" | "column" | "square" | "index" | "flag" | "scalar" | "static4", Value> {
  const b = programBuilder({ hidden: 6, kvHeads: 2, headDim: 3 });
  return {
    b,
    x: b.input("x", ["batch", "tokens", "hidden"]),
    row: b.input("row", ["kvHeads*headDim"]),
    column: b.input("column", ["batch", "tokens", 1]),
    square: b.input("square", [6, 6]),
    index: b.input("index", ["batch", "tokens"], "I32"),
    flag: b.input("flag", ["tokens", 1], "BOOL"),
    scalar: b.input("scalar", []),
    static4: b.input("static4", [2, 3, 4, 5]),
  };
}

type Written = (given: ReturnType<typeof start>) => Value;

describe("shapes of primitives", () => {
  it.each<[string, Written, Value["type"], readonly Dim[]]>([
    ["matmul with one matrix", ({ b, x, square }) => b.matmul(x, square), "F32", ["batch", "tokens", 6]],
    ["matmul over tokens", ({ b, x }) => b.matmul(b.transpose(x, [0, 2, 1]), x), "F32", ["batch", 6, 6]],
    ["add of a row", ({ b, x, row }) => b.add(x, row), "F32", ["batch", "tokens", 6]],
    ["add of a scalar", ({ b, x, scalar }) => b.add(scalar, x), "F32", ["batch", "tokens", 6]],
    ["sub of a column", ({ b, x, column }) => b.sub(x, column), "F32", ["batch", "tokens", 6]],
    ["exp", ({ b, x }) => b.exp(x), "F32", ["batch", "tokens", 6]],
    ["lessEqual", ({ b, column, x }) => b.lessEqual(column, x), "BOOL", ["batch", "tokens", 6]],
    ["select", ({ b, flag, x, scalar }) => b.select(flag, x, scalar), "F32", ["batch", "tokens", 6]],
    ["reduceSum", ({ b, x }) => b.reduceSum(x, -1), "F32", ["batch", "tokens"]],
    ["reduceMax, kept", ({ b, x }) => b.reduceMax(x, 1, true), "F32", ["batch", 1, 6]],
    ["argmax", ({ b, x }) => b.argmax(x), "I32", ["batch", "tokens"]],
    ["constant", ({ b }) => b.constant(3), "F32", []],
    ["iota", ({ b, x }) => b.iota(x, 1, 7), "I32", ["tokens"]],
    ["lessEqual of whole numbers", ({ b, x }) => b.lessEqual(b.iota(x, 1), b.iota(x, 1)), "BOOL", ["tokens"]],
    ["reshape that joins", ({ b, x }) => b.reshape(x, ["tokens*batch", 2, 3]), "F32", ["batch*tokens", 2, 3]],
    ["reshape of a scalar", ({ b, scalar }) => b.reshape(scalar, [1, 1]), "F32", [1, 1]],
    ["reshape to a scalar", ({ b }) => b.reshape(b.input("one", [1]), []), "F32", []],
    ["transpose", ({ b, static4 }) => b.transpose(static4, [3, 0, 2, 1]), "F32", [5, 2, 4, 3]],
    ["slice", ({ b, x }) => b.slice(x, -1, 2, 6), "F32", ["batch", "tokens", 4]],
    ["concat", ({ b, x, column }) => b.concat([x, column, x], 2), "F32", ["batch", "tokens", 13]],
    ["pick", ({ b, x, index }) => b.pick(x, index), "F32", ["batch", "tokens"]],
    ["scatterAdd", ({ b, x, index }) => b.scatterAdd(x, index, b.reduceSum(x, 2)), "F32", ["batch", "tokens", 6]],
    ["pick of indices", ({ b, x, index }) => b.pick(b.reshape(index, ["batch", "tokens", 1]), b.argmax(x)), "I32", ["batch", "tokens"]],
  ])("%s", (_, write, type, shape) => expect(write(start())).toMatchObject({ type, shape }));
});

describe("what primitives refuse", () => {
  it.each<[Written, string]>([
    [({ b, x, row }) => b.matmul(x, row), "matmul of [batch, tokens, 6] and [6]: inner sizes 6 and 0"],
    [({ b, x }) => b.matmul(x, x), "matmul of [batch, tokens, 6] and [batch, tokens, 6]: inner sizes 6 and tokens"],
    [({ b, static4 }) => b.matmul(static4, b.input("y", [3, 3, 5, 7])), "shapes [2, 3] and [3, 3] do not broadcast"],
    [({ b, x }) => b.add(x, b.input("y", ["tokens", "batch", 6])), "shapes [batch, tokens, 6] and [tokens, batch, 6] do not broadcast"],
    [({ b, x, square }) => b.mul(x, square), "shapes [batch, tokens, 6] and [6, 6] do not broadcast"],
    [({ b, x, row }) => b.op("add", [x, row, row]), "add reads 2 values, 3 were given"],
    [({ b, x }) => b.op("div", [x]), "div reads 2 values, 1 were given"],
    [({ b, x }) => b.op("exp", [x, x]), "exp reads 1 values, 2 were given"],
    [({ b, x }) => b.op("constant", [x], { value: 1 }), "constant reads 0 values, 1 were given"],
    [({ b, flag }) => b.add(flag, flag), "input 0 of add is F32, flag is BOOL"],
    [({ b, x, index }) => b.mul(x, index), "input 1 of mul is F32, index is I32"],
    [({ b, index }) => b.sqrt(index), "input 0 of sqrt is F32, index is I32"],
    [({ b, x }) => b.select(x, x, x), "input 0 of select is BOOL, x is F32"],
    [({ b, flag, x }) => b.select(flag, flag, x), "input 1 of select is F32, flag is BOOL"],
    [({ b, flag }) => b.reduceSum(flag, 0), "input 0 of reduceSum is F32, flag is BOOL"],
    [({ b, x }) => b.reduceSum(x, 3), "x of shape [batch, tokens, 6] has no axis 3"],
    [({ b, x }) => b.reduceMax(x, -4), "x of shape [batch, tokens, 6] has no axis -4"],
    [({ b, x }) => b.reduceMax(x, 0.5), "x of shape [batch, tokens, 6] has no axis 0.5"],
    [({ b, x }) => b.op("reduceSum", [x]), "x of shape [batch, tokens, 6] has no axis undefined"],
    [({ b, scalar }) => b.argmax(scalar), "scalar of shape [] has no axis -1"],
    [({ b }) => b.op("constant", []), "the value of a constant is a number, found undefined"],
    [({ b, scalar }) => b.iota(scalar, 0), "scalar of shape [] has no axis 0"],
    [({ b, x }) => b.iota(x, 1, 0.5), "iota starts at a whole number, found 0.5"],
    [({ b, x }) => b.lessEqual(x, b.iota(x, 2)), "lessEqual compares F32 with I32: wanted two F32 or two I32"],
    [({ b, x }) => b.reshape(x, ["batch", "batch", 6]), "[batch, tokens, 6] does not reshape to [batch, batch, 6]"],
    [({ b, x }) => b.reshape(x, ["batch*tokens", 5]), "[batch, tokens, 6] does not reshape to [batch*tokens, 5]"],
    [
      ({ b, square }) => b.reshape(square, [-6, -6]),
      "the shape of a reshape has the dimension -6: wanted a whole number of at least 1 or names of axes",
    ],
    [({ b, x }) => b.transpose(x, [0, 1]), "[0, 1] is no order of the 3 axes of x"],
    [({ b, x }) => b.transpose(x, [0, 1, 1]), "[0, 1, 1] is no order of the 3 axes of x"],
    [({ b, x }) => b.transpose(x, [0, 1, -1]), "[0, 1, -1] is no order of the 3 axes of x"],
    [({ b, x }) => b.slice(x, 1, 0, 1), "[0, 1) is no part of axis 1 of [batch, tokens, 6]"],
    [({ b, x }) => b.slice(x, 2, 3, 7), "[3, 7) is no part of axis 2 of [batch, tokens, 6]"],
    [({ b, x }) => b.slice(x, 2, 3, 3), "[3, 3) is no part of axis 2 of [batch, tokens, 6]"],
    [({ b, x }) => b.slice(x, 2, -1, 3), "[-1, 3) is no part of axis 2 of [batch, tokens, 6]"],
    [
      ({ b, x }) => b.concat([x, b.input("y", ["batch", 1, "hidden"])], 2),
      "concat along axis 2 of [batch, tokens, 6] and [batch, 1, 6]: the other axes differ",
    ],
    [({ b, x, row }) => b.concat([x, row], 2), "concat along axis 2 of [batch, tokens, 6] and [6]: the other axes differ"],
    [({ b, index, x }) => b.concat([index, b.reduceSum(x, 2)], 1), "input 1 of concat is I32, reduceSum.0 is F32"],
    [({ b }) => b.concat([], 0), "concat reads at least 1 values, 0 were given"],
    [({ b, x }) => b.pick(x, x), "input 1 of pick is I32, x is F32"],
    [({ b, x, index }) => b.scatterAdd(x, x, index), "input 1 of scatterAdd is I32, x is F32"],
    [
      ({ b, x, index }) => b.scatterAdd(x, index, b.input("y", ["tokens", "batch"])),
      "scatterAdd into [batch, tokens, 6] of values of shape [tokens, batch] at indices of shape [batch,tokens]",
    ],
    [
      ({ b, x }) => b.pick(x, b.input("y", ["tokens", "batch"], "I32")),
      "pick reads [batch, tokens, 6] with indices of shape [tokens, batch]",
    ],
  ])("%s", (write, message) => expect(() => write(start())).toThrow(new GraphError("shape", message)));

  it("joins parts only along an axis whose sizes are known", () => {
    const { b, x } = start();
    expect(() => b.concat([x, x], 1)).toThrow(new GraphError("unbound-axis", "the size of axis tokens is not known"));
  });
});

describe("laws of shapes", () => {
  const dims = fc.array(fc.constantFrom<Dim>(1, 2, 3, "batch", "tokens"), { maxLength: 4 });

  it("broadcasting does not depend on the order, and leaves a shape with itself or a scalar as it is", () => {
    fc.assert(
      fc.property(dims, dims, (left, right) => {
        const attempt = (swap: boolean): string => {
          const b = programBuilder({});
          const [x, y] = [b.input("x", left), b.input("y", right)];
          expect(b.add(x, x).shape).toEqual(left);
          expect(b.add(b.constant(1), x).shape).toEqual(left);
          try {
            return (swap ? b.add(y, x) : b.add(x, y)).shape.join();
          } catch (error) {
            return (error as GraphError).code;
          }
        };
        expect(attempt(true)).toBe(attempt(false));
      }),
    );
  });

  it("a transpose by an order and by its inverse gives the shape back", () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const { b, static4 } = start();
        const inverse = order.map((_, i) => order.indexOf(i));
        expect(b.transpose(b.transpose(static4, order), inverse).shape).toEqual(static4.shape);
      }),
    );
  });

  it("slices of the parts of a concat have the parts' shapes", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 4 }), (sizes) => {
        const b = programBuilder({});
        const parts = sizes.map((size, i) => b.input(`part${i}`, ["batch", size, 3]));
        const whole = b.concat(parts, 1);
        let start = 0;
        for (const part of parts) {
          const size = part.shape[1] as number;
          expect(b.slice(whole, 1, start, start + size).shape).toEqual(part.shape);
          start += size;
        }
        expect(whole.shape[1]).toBe(start);
      }),
    );
  });
});
