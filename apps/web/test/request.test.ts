import type { PluginList } from "@secateur/engine";
import { parseCalibration, parseRecipe } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import type { JobKind } from "../src/api/types.ts";
import { type Draft, EMPTY_DRAFT, NO_SOURCE, taskName, withKnown } from "../src/forms/draft.ts";
import { draftOf } from "../src/forms/from-recipe.ts";
import { fieldOf, requestOf } from "../src/forms/request.ts";

const plugin = (name: string, ...options: PluginList[string][number]["options"]) => ({ name, summary: "", options });
const PLUGINS: PluginList = {
  scorer: [plugin("wanda"), plugin("ria", { name: "exponent", type: "number", required: false, default: 0.5 }), plugin("sparsegpt")],
  fuser: [plugin("max"), plugin("sum")],
  allocator: [plugin("owl")],
  backend: [plugin("onnxruntime")],
};

const source = (data: string, rest: Partial<typeof NO_SOURCE> = {}) => ({ ...NO_SOURCE, data, ...rest });
const draft = (rest: Partial<Draft>): Draft => ({ ...EMPTY_DRAFT, model: "m", ...rest });
const asked = (rest: Partial<Draft>) => requestOf(draft(rest), PLUGINS);

const FULL: Draft = draft({
  general: [source("c4", { fields: "text=body" })],
  generalWeight: "0.25",
  tasks: [{ ...source("gsm", { template: "{q}|||{a}" }), name: "math", weight: "" }],
  amount: "pattern",
  scorer: { name: "ria", options: { exponent: "0.7" } },
  solver: { name: "sparsegpt", options: {} },
  fusion: { name: "max", options: {} },
  samples: "16",
  seqLen: "64",
  pack: "false",
  promptWeight: "0",
  shuffle: true,
  seed: "3",
  propagate: "linear",
  include: "*q*\n\n*k*",
});

describe("requestOf", () => {
  it("says a prune as the engine takes it", () => {
    const { body, problems } = requestOf(FULL, PLUGINS);
    expect([...problems]).toEqual([]);
    expect(body).toEqual({
      kind: "prune",
      recipe: {
        model: "m",
        general: [{ source: "c4", fields: { text: "body" } }],
        tasks: [{ name: "math", source: "gsm", template: "{q}|||{a}" }],
        weights: { general: 0.25 },
        pattern: { keep: 2, of: 4 },
        scorer: "ria",
        scorerOptions: { exponent: 0.7 },
        solver: "sparsegpt",
        fusion: "max",
        backend: "onnxruntime",
        samples: 16,
        seqLen: 64,
        pack: false,
        promptWeight: 0,
        shuffle: true,
        seed: 3,
        propagate: "linear",
        include: ["*q*", "*k*"],
      },
    });
    expect(() => parseRecipe(body.recipe)).not.toThrow();
  });

  it("says what a prune is measured on", () => {
    const given = { evaluate: [{ ...source("gsm"), name: "math" }], evaluateSamples: "8", evaluateMaxTokens: "0" };
    expect(asked(given).body.recipe).toMatchObject({
      measure: { evaluate: [{ name: "math", source: "gsm" }], evaluateSamples: 8, evaluateMaxTokens: 0 },
    });
    expect(asked({ ...given, evaluateSamples: "1" }).problems.get("evaluateSamples")).toMatch(/from 2 on/);
  });

  it("says a prune from statistics without data", () => {
    const { body } = asked({ stats: "s", general: [source("c4")], propagate: "block" });
    expect(body.recipe).toEqual({ model: "m", stats: "s", sparsity: 0.5, scorer: "wanda", backend: "onnxruntime" });
    expect(() => parseRecipe(body.recipe)).not.toThrow();
  });

  it("says comparisons, calibrations and evaluations", () => {
    const data = { general: [source("c4")], tasks: [{ ...source("gsm"), name: "math", weight: "" }] };
    const common = { model: "m", general: [{ source: "c4" }], tasks: [{ name: "math", source: "gsm" }], backend: "onnxruntime" };
    const compared = asked({
      kind: "compare",
      ...data,
      rules: ["max"],
      otherRules: "sum:weight=0.25:tau=0.2",
      mixtures: "0.5",
      evaluateSamples: "8",
    });
    expect([...compared.problems]).toEqual([]);
    expect(compared.body).toEqual({
      kind: "compare",
      recipe: {
        recipe: { ...common, sparsity: 0.5, scorer: "wanda" },
        mixtures: [0.5],
        rules: [
          { name: "max", fusion: "max" },
          { name: "sum:weight=0.25:tau=0.2", fusion: "sum", fusionOptions: { tau: "0.2" }, tasksWeight: 0.25 },
        ],
        evaluate: [],
        evaluateSamples: 8,
      },
    });
    const calibrated = asked({ kind: "calibrate", ...data, collect: ["gram"] });
    expect(calibrated.body).toEqual({ kind: "calibrate", recipe: { ...common, gram: true } });
    expect(() => parseCalibration(calibrated.body.recipe)).not.toThrow();
    const measured = asked({
      kind: "eval",
      measured: source("gsm", { template: "gsm8k" }),
      metric: "answers",
      samples: "4",
      evaluateMaxTokens: "0",
    });
    expect(measured.body).toEqual({
      kind: "eval",
      recipe: { model: "m", data: "gsm", template: "gsm8k", metric: "answers", samples: 4, maxTokens: 0, backend: "onnxruntime" },
    });
  });

  it.each<[field: string, rest: Partial<Draft>, problem: RegExp]>([
    ["model", { model: "" }, /choose a model/],
    ["sparsity", { sparsity: "" }, /^a number above 0 and below 1 is wanted/],
    ["sparsity", { sparsity: "1" }, /^1 was given/],
    ["pattern", { amount: "pattern", pattern: "4:4" }, /KEEP below OF/],
    ["allocate", { amount: "pattern", allocate: { name: "owl", options: {} } }, /leave this out/],
    ["scorerOptions.exponent", { scorer: { name: "ria", options: { exponent: "x" } } }, /a number is wanted/],
    ["samples", { samples: "0" }, /from 1 on/],
    ["seqLen", { seqLen: "1.5" }, /from 2 on/],
    ["promptWeight", { promptWeight: "2" }, /from 0 to 1/],
    ["general.0.fields", { general: [source("c4", { fields: "text" })] }, /KEY=COLUMN/],
    ["tasks.0", { tasks: [{ ...NO_SOURCE, name: "a", weight: "" }] }, /choose a file/],
    ["tasks.0.name", { tasks: [{ ...source("g"), name: "a b", weight: "" }] }, /letters/],
    ["tasks.0.weight", { tasks: [{ ...source("g"), name: "a", weight: "-1" }] }, /from 0 to 1/],
    ["tasks.1.name", { tasks: ["g", "h"].map((data) => ({ ...source(data), name: "a", weight: "" })) }, /two tasks are called a/],
    ["general.0", { kind: "compare", tasks: [{ ...source("g"), name: "a", weight: "" }] }, /general text/],
    ["tasks", { kind: "compare", general: [source("c4")] }, /a task/],
    ["mixtures", { kind: "compare", mixtures: "0.5, 2" }, /below 1/],
    ["otherRules", { kind: "compare", otherRules: "sum:tau" }, /NAME:KEY=VALUE/],
    ["otherRules", { kind: "compare", otherRules: "sum:weight=2" }, /below 1/],
    ["otherRules", { kind: "compare", otherRules: "nothing:a=b" }, /no fusion is called nothing/],
    ["general.0", { kind: "calibrate" }, /wants data/],
    ["measured", { kind: "eval" }, /choose/],
  ])("finds what is wrong with %s", (field, rest, problem) => {
    expect(asked(rest).problems.get(field)).toMatch(problem);
  });
});

describe("draftOf", () => {
  it.each<JobKind>(["prune", "compare", "calibrate", "eval"])("fills the form with what a %s was asked as", (kind) => {
    const given = {
      ...FULL,
      kind,
      evaluate: [{ ...source("gsm"), name: "math" }],
      evaluateSamples: "8",
      otherRules: "sum:weight=0.25:tau=0.2",
      amount: "sparsity" as const,
      measured: source("gsm"),
      against: "n",
      collect: ["gram"],
    };
    const { body } = requestOf(given, PLUGINS);
    expect(requestOf(draftOf(body, PLUGINS), PLUGINS).body).toEqual(body);
  });
});

describe("fieldOf", () => {
  const fields = ["measured.template", "evaluate.0", "sparsity", "tasks.0", "tasks.0.name", "scorer", "scorerOptions.tau"];
  it.each<[message: string, field: string | undefined]>([
    ['measure.evaluate.0.template: "x" is neither', "evaluate.0"],
    ["sparsity: 2 was given, a number between 0 and 1 is wanted", "sparsity"],
    ["json.recipe.recipe.sparsity: too large", "sparsity"],
    ["tasks.0.name: 1 was given", "tasks.0.name"],
    ["tasks.0.template: no", "tasks.0"],
    ["scorerOptions.tau says where things are", undefined],
    ["scorerOptions.tau: x looks like a path", "scorerOptions.tau"],
    ["scorer: no scorer of this server is called x", "scorer"],
    ['template: "x" is neither', "measured.template"],
    ["100 jobs wait already", undefined],
    ["pattern: wrong", undefined],
  ])("finds the field of %j", (message, field) => {
    expect(fieldOf(message, fields)).toBe(field);
  });
});

it("chooses nothing that is not there", () => {
  const given = { ...FULL, measured: source("gsm"), against: "n" };
  const { model, against, tasks, measured, general } = withKnown(given, new Set(["m"]), new Set(["c4"]));
  expect([model, against, tasks[0]?.data, measured.data, general]).toEqual(["m", "", "", "", given.general]);
});

it.each([
  ["llama/gsm8k.test.jsonl.gz", "gsm8k_test"],
  ["2024.csv", "_2024"],
  ["sort.calibration.jsonl", "sort_calibration"],
])("names a task after %s", (file, name) => {
  expect(taskName(file)).toBe(name);
});
