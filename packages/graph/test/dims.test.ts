import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Dim, GraphError, resolveDim, resolveShape, simplify } from "../src/index.ts";

const name = fc.constantFrom("batch", "tokens", "heads", "headDim", "hidden");
const product = fc.array(fc.oneof(name, fc.integer({ min: 1, max: 64 }).map(String)), { minLength: 1, maxLength: 4 });
const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 9 }),
  tokens: fc.integer({ min: 1, max: 9 }),
  heads: fc.integer({ min: 1, max: 9 }),
  headDim: fc.integer({ min: 1, max: 9 }),
  hidden: fc.integer({ min: 1, max: 9 }),
});

describe("simplify", () => {
  it("is a number when every axis is known, the one that resolveDim gives", () => {
    fc.assert(
      fc.property(product, sizes, (parts, axes) => {
        expect(simplify(parts.join("*"), axes)).toBe(resolveDim(parts.join("*"), axes));
      }),
    );
  });

  it("does not depend on the order of factors, nor on being done once or in two steps", () => {
    fc.assert(
      fc.property(product, sizes, fc.subarray(["batch", "tokens", "heads", "headDim", "hidden"]), (parts, axes, known) => {
        const some = Object.fromEntries(Object.entries(axes).filter(([axis]) => known.includes(axis)));
        const once = simplify(parts.join("*"), some);
        expect(simplify(parts.toReversed().join("*"), some)).toBe(once);
        expect(simplify(once, some)).toBe(once);
        expect(simplify(once, axes)).toBe(resolveDim(parts.join("*"), axes));
      }),
    );
  });

  it.each<[Dim, Dim]>([
    [7, 7],
    ["heads*headDim", 12],
    ["tokens", "tokens"],
    ["tokens*batch", "batch*tokens"],
    ["tokens*heads*batch", "3*batch*tokens"],
    ["1*tokens", "tokens"],
    ["toString", "toString"],
  ])("writes %j as %j", (dim, simple) => expect(simplify(dim, { heads: 3, headDim: 4 })).toBe(simple));
});

describe("resolveDim", () => {
  it("names the first axis that has no size", () => {
    expect(() => resolveShape([1, "heads*tokens"], { heads: 3 })).toThrow(
      new GraphError("unbound-axis", "the size of axis tokens is not known"),
    );
  });
});
