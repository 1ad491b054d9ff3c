import { expect, test } from "vitest";
import { calibrateRequest } from "../../src/commands/calibrate.ts";
import { namedSource } from "../../src/flags.ts";

test("flags make a request", () => {
  const given = { general: ["c4.jsonl"], task: [namedSource("math=g.jsonl")], gram: true, samples: 64, out: "s", threads: 1, memory: 1e9 };
  const { recipe, ...rest } = calibrateRequest("m", given, "1");
  expect(recipe).toMatchObject({
    model: "m",
    general: [{ source: "c4.jsonl" }],
    tasks: [{ name: "math", source: "g.jsonl" }],
    gram: true,
    samples: 64,
    backendOptions: { threads: 1 },
  });
  expect(rest).toEqual({ out: "s", force: false, dryRun: false, version: "1", memoryBytes: 1e9 });
});

test("an output is wanted unless it is a dry run", () => {
  const message = "--out is missing: name a file for the statistics, or give --dry-run to see the plan only";
  expect(() => calibrateRequest("m", { general: ["c4.jsonl"] }, "1")).toThrow(expect.objectContaining({ code: "usage", message }));
  expect(calibrateRequest("m", { general: ["c4.jsonl"], dryRun: true }, "1").out).toBeUndefined();
});
