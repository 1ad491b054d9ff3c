import { describe, expect, it } from "vitest";
import { appendProgram, costOf, GraphError, programBuilder } from "../src/index.ts";
import { llamaBlock } from "./llama-block.ts";

describe("a program in another's builder", () => {
  const block = llamaBlock();

  it("has its inputs and weights under other names, and needs none of its axes", () => {
    const b = programBuilder({});
    const [first, second] = [appendProgram(b, block, "a."), appendProgram(b, block, "b.")];
    const both = b.build({ a: first.y as NonNullable<typeof first.y>, b: second.y as NonNullable<typeof second.y> });
    const names = ["a.", "b."].flatMap((prefix) => block.inputs.map(({ name }) => prefix + name));
    expect(both.inputs.map(({ name }) => name)).toEqual(names);
    expect(both.weights).toHaveLength(2 * block.weights.length);
    expect(both.values[both.outputs.b as string]?.shape).toEqual(block.values[block.outputs.y as string]?.shape);
    const sizes = { batch: 2, tokens: 5 };
    expect(costOf(both, sizes).flops).toBe(2 * costOf(block, sizes).flops);
  });

  it("keeps shapes that name its axes", () => {
    const own = programBuilder({ heads: 2, size: 3 });
    const x = own.input("x", ["tokens", "heads*size"]);
    const program = own.build({ y: own.reshape(x, ["tokens", "heads", "size"]) });
    const b = programBuilder({});
    expect(appendProgram(b, program, "").y?.shape).toEqual(["tokens", 2, 3]);
  });

  it("refuses a name that is taken", () => {
    const b = programBuilder({});
    appendProgram(b, block, "");
    expect(() => appendProgram(b, block, "")).toThrow(new GraphError("duplicate", "the program already has a value x"));
  });
});
