import { expect, test } from "vitest";
import { sweepRequest } from "../../src/commands/sweep.ts";
import { listed, namedSource, sparsity, text } from "../../src/flags.ts";

test("lists make a grid", () => {
  const given = {
    stats: "s",
    out: "o",
    sparsity: listed(sparsity)("0.3, 0.5"),
    scorer: listed(text("--scorer"))("wanda,ria"),
    data: [namedSource("w.jsonl")],
  };
  const { grid, measure } = sweepRequest("m", given, "1");
  expect(grid).toMatchObject({
    recipe: { model: "m", stats: "s" },
    scorers: ["wanda", "ria"],
    fusions: [],
    sparsities: [0.3, 0.5],
    patterns: [],
  });
  expect(measure.evaluate).toEqual([{ name: "w", source: "w.jsonl" }]);
});

test("two data of one name are refused", () => {
  const given = { stats: "s", out: "o", data: [namedSource("a/w.jsonl"), namedSource("b/w.jsonl")] };
  const message = "two --data are called w: give one a name, such as --data other=FILE";
  expect(() => sweepRequest("m", given, "1")).toThrow(expect.objectContaining({ code: "usage", message }));
});
