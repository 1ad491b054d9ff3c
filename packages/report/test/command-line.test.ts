import { execFileSync } from "node:child_process";
import { type CalibrationInput, type Comparison, parseCalibration, parseRecipe, type RecipeInput } from "@secateur/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { calibrateLine, compareLine, evalLine, type MeasuredInput, pruneLine } from "../src/command-line.ts";
import { comparisonOf } from "./manifests.ts";

const lineOf = (rest: Partial<RecipeInput>): string | undefined => pruneLine(parseRecipe({ model: "m", sparsity: 0.5, ...rest }));

describe("pruneLine", () => {
  it("says all that decides the result", () => {
    expect(
      lineOf({
        general: [{ source: "c4.jsonl" }],
        tasks: [{ name: "a", source: "a.jsonl" }],
        seqLen: 64,
        fusion: "max",
        propagate: "block",
      }),
    ).toBe(
      "secateur prune m --general c4.jsonl --task a=a.jsonl --samples 128 --seq-len 64 --seed 0 --sparsity 0.5 --scorer wanda --backend onnxruntime --fusion max --propagate block",
    );
  });

  it.each<[what: string, rest: Partial<RecipeInput>, part: string]>([
    ["a name with spaces and quotes", { model: "my 'model'" }, "prune 'my '\\''model'\\''' "],
    ["a model like a flag", { model: "-m" }, "prune ./-m "],
    ["a value like a flag", { general: [{ source: "-c4.jsonl" }] }, " --general=-c4.jsonl "],
    ["markup", { general: [{ source: "<b>.jsonl" }] }, " --general '<b>.jsonl' "],
    ["a pattern", { sparsity: undefined, pattern: { keep: 2, of: 4 } }, " --pattern 2:4 "],
    ["options", { scorerOptions: { a: "x=y", b: 2, c: true } }, " --scorer-option a=x=y --scorer-option b=2 --scorer-option c=true "],
    ["columns", { general: [{ source: "g", fields: { text: "body" } }] }, " --field general:text=body "],
    ["a template", { general: [{ source: "g", template: "{a}|||{b}" }] }, " --template 'general={a}|||{b}' "],
    ["a task template", { general: [{ source: "g", template: "arc" }] }, " --task-template general=arc "],
    ["packing", { pack: false, shuffle: true, promptWeight: 0.5 }, " --no-pack --prompt-weight 0.5 --shuffle "],
    [
      "weights and globs",
      { weights: { general: 0.25 }, include: ["*q*"], exclude: ["b"] },
      " --weight general=0.25 --include '*q*' --exclude b ",
    ],
    ["a solver and an allocator", { solver: "sparsegpt", allocate: "owl" }, " --solver sparsegpt --allocate owl "],
  ])("says %s", (_, rest, part) => {
    expect(lineOf(rest)).toContain(part);
  });

  it("says what is measured before and after, and how its rows are read", () => {
    const evaluate = [{ name: "math", source: "test.jsonl", template: "gsm8k" }];
    const measured = pruneLine(parseRecipe({ model: "m", sparsity: 0.5, stats: "s" }), {
      evaluate,
      evaluateSamples: 8,
      evaluateMaxTokens: 0,
    });
    expect(measured).toBe(
      "secateur prune m --task-template math=gsm8k --sparsity 0.5 --scorer wanda --backend onnxruntime --stats s --eval math=test.jsonl --eval-samples 8 --max-tokens 0",
    );
  });

  it("leaves out how data is read where statistics are kept", () => {
    expect(lineOf({ stats: "s.safetensors" })).toBe(
      "secateur prune m --sparsity 0.5 --scorer wanda --backend onnxruntime --stats s.safetensors",
    );
  });

  it.each<[what: string, rest: Partial<RecipeInput>]>([
    ["options of several values", { scorerOptions: { layers: [1, 2] } }],
    ["an option whose name has an equals sign", { fusionOptions: { "a=b": 1 } }],
    ["files of one role that are read in two ways", { general: [{ source: "a" }, { source: "b", template: "{x}" }] }],
  ])("says nothing where flags cannot: %s", (_, rest) => {
    expect(lineOf(rest)).toBeUndefined();
  });
});

describe("compareLine", () => {
  it("says what is compared, and on what", () => {
    const { input } = comparisonOf();
    const evaluate = [{ name: "task0", source: "test.jsonl" }];
    expect(compareLine({ input: { ...input, evaluate, evaluateSeqLen: 32, evaluateMaxTokens: 64 } })).toBe(
      "secateur compare models/tiny --general c4.jsonl --task task0=task0.jsonl --samples 128 --seq-len 64 --seed 0 --sparsity 0.5 --scorer wanda --backend onnxruntime --mixture 0.25,0.75 --fusion shared-exclusive,max --eval task0=test.jsonl --eval-samples 12 --eval-seq-len 32 --max-tokens 64",
    );
  });

  it.each<[what: string, rules: Comparison["input"]["rules"], flags: string]>([
    [
      "options that all have",
      [
        { name: "max", fusion: "max", fusionOptions: { tau: 0.2 } },
        { name: "sum", fusion: "sum", fusionOptions: { tau: 0.2 } },
      ],
      "--fusion-option tau=0.2 --fusion max,sum",
    ],
    [
      "options of one",
      [
        { name: "max", fusion: "max" },
        { name: "s", fusion: "sum", fusionOptions: { tau: 0.2 }, tasksWeight: 0.25 },
      ],
      "--fusion max,sum:tau=0.2:weight=0.25",
    ],
    ["options in their names", [{ name: "max:tau=0.2", fusion: "max", fusionOptions: { tau: "0.2" } }], "--fusion max:tau=0.2"],
    [
      "parts in the order of the name",
      [
        { name: "max", fusion: "max" },
        { name: "sum:weight=0.25:tau=0.2", fusion: "sum", fusionOptions: { tau: "0.2" }, tasksWeight: 0.25 },
      ],
      "--fusion max,sum:weight=0.25:tau=0.2",
    ],
  ])("says rules with %s", (_, rules, flags) => {
    expect(compareLine({ input: { ...comparisonOf().input, rules } })).toContain(` ${flags} `);
  });

  it.each<[what: string, rule: Comparison["input"]["rules"][number]]>([
    ["a fusion with a comma", { name: "a", fusion: "./a,b.ts" }],
    ["an option that is no text", { name: "a", fusion: "a", fusionOptions: { of: [1] } }],
  ])("says nothing where flags cannot: %s", (_, rule) => {
    expect(compareLine({ input: { ...comparisonOf().input, rules: [rule] } })).toBeUndefined();
  });
});

describe("calibrateLine", () => {
  const line = (rest: Partial<CalibrationInput>) =>
    calibrateLine(parseCalibration({ model: "m", general: [{ source: "c4.jsonl" }], ...rest }));

  it("says what is read and what is collected", () => {
    expect(line({ gram: true, fisher: true, exclude: ["*down*"], backendOptions: { threads: 2 } })).toBe(
      "secateur calibrate m --general c4.jsonl --samples 128 --seed 0 --gram --fisher --exclude '*down*' --backend onnxruntime --backend-option threads=2",
    );
  });

  it("says nothing where flags cannot", () => {
    expect(line({ general: [{ source: "a" }, { source: "b", template: "{x}" }] })).toBeUndefined();
  });
});

describe("evalLine", () => {
  const line = (rest: Partial<MeasuredInput>) =>
    evalLine({ model: "m", data: "d.jsonl", backend: "onnxruntime", backendOptions: {}, ...rest });

  it.each<[what: string, rest: Partial<MeasuredInput>, flags: string]>([
    ["no more than the data", {}, ""],
    [
      "how it is measured",
      { metric: "answers", seqLen: 64, samples: 8, maxTokens: 0 },
      "--metric answers --seq-len 64 --samples 8 --max-tokens 0 ",
    ],
    ["another model", { against: "the dense" }, "--against 'the dense' "],
    ["columns and a template", { fields: { prompt: "q" }, template: "{q}|||{a}" }, "--field prompt=q --template '{q}|||{a}' "],
    ["a task template", { template: "gsm8k" }, "--task-template gsm8k "],
  ])("says %s", (_, rest, flags) => {
    expect(line(rest)).toBe(`secateur eval m --data d.jsonl ${flags}--backend onnxruntime`);
  });
});

it("is read back by a shell as it was, whatever names hold", () => {
  const texts = fc.array(
    fc.string({ unit: "grapheme", minLength: 1 }).filter((text) => !text.includes("\0")),
    { minLength: 1, maxLength: 4 },
  );
  fc.assert(
    fc.property(texts, (names) => {
      const line = pruneLine(parseRecipe({ model: "m", sparsity: 0.5, general: names.map((source) => ({ source })) })) ?? "";
      const words = execFileSync("sh", ["-c", `printf '%s\\0' ${line}`], { encoding: "utf8" }).split("\0");
      const found = words.flatMap((word, i) =>
        words[i - 1] === "--general" ? [word] : word.startsWith("--general=") ? [word.slice(10)] : [],
      );
      expect(found).toEqual(names);
    }),
    { numRuns: 50 },
  );
});
