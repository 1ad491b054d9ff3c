import { parseRecipe, type RecipeInput } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import { compareLine, pruneLine } from "../src/command-line.ts";
import { comparisonOf } from "./manifests.ts";

const lineOf = (rest: Partial<RecipeInput>): string | undefined => pruneLine(parseRecipe({ model: "m", sparsity: 0.5, ...rest }));

describe("pruneLine", () => {
  it("says all that decides the result", () => {
    expect(lineOf({ general: [{ source: "c4.jsonl" }], tasks: [{ name: "a", source: "a.jsonl" }], seqLen: 64, propagate: "block" })).toBe(
      "secateur prune m --general c4.jsonl --task a=a.jsonl --samples 128 --seq-len 64 --seed 0 --sparsity 0.5 --scorer wanda --backend onnxruntime --fusion shared-exclusive --propagate block",
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

  it("leaves out how data is read where statistics are kept", () => {
    expect(lineOf({ stats: "s.safetensors" })).toBe(
      "secateur prune m --sparsity 0.5 --scorer wanda --backend onnxruntime --fusion shared-exclusive --stats s.safetensors",
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
    expect(compareLine({ input: { ...input, evaluate, evaluateSeqLen: 32 } })).toBe(
      "secateur compare models/tiny --general c4.jsonl --task task0=task0.jsonl --samples 128 --seq-len 64 --seed 0 --sparsity 0.5 --scorer wanda --backend onnxruntime --mixture 0.25,0.75 --fusion shared-exclusive,max --eval task0=test.jsonl --eval-samples 12 --eval-seq-len 32",
    );
    expect(compareLine({ input: { ...input, fusions: ["./a,b.ts"] } })).toBeUndefined();
  });
});
