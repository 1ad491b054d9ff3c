import type { ComparedRow } from "@secateur/pipeline";
import { expect, test } from "vitest";
import { studiesOf } from "../src/study/plan.ts";
import { linesOf, type StudyLine, summaryOf } from "../src/study/results.ts";

test("every task is compared with every method and amount, and test files are read only when it is said", () => {
  const studies = studiesOf({ tasks: ["gsm8k", "mbpp"], methods: ["wanda"], amounts: ["0.5", "2:4"] }, "/data", "dev");
  expect(studies.map(({ name }) => name)).toEqual([
    "gsm8k wanda 0.5 dev",
    "mbpp wanda 0.5 dev",
    "gsm8k wanda 2:4 dev",
    "mbpp wanda 2:4 dev",
  ]);
  expect(studies[0]?.args.slice(0, 6)).toEqual([
    ...["--general", "/data/c4-sample/c4_demo.jsonl", "--task", "gsm8k=/data/gsm8k/train.jsonl", "--task-template", "gsm8k=gsm8k"],
  ]);
  expect(studies[2]?.args).toContain("--pattern");
  expect(studies.flatMap(({ args }) => args).filter((arg) => /test|--eval/.test(arg))).toEqual([]);
  const one = { tasks: ["gsm8k"], methods: ["wanda"], amounts: ["0.5"] };
  expect(studiesOf(one, "/data", "test")[0]?.args).toContain("gsm8k=/data/gsm8k/test.jsonl");
  expect(studiesOf({ ...one, rules: "max" }, "/data", "dev")[0]?.args.join(" ")).toMatch(/--fusion max$/);
  expect(() => studiesOf({ ...one, tasks: ["gsm9k"] }, "/data", "dev")).toThrow("the study has no task gsm9k; there are gsm8k");
});

test("a comparison gives a line a model, and lines a summary of the rules", () => {
  const [study] = studiesOf({ tasks: ["gsm8k"], methods: ["wanda"], amounts: ["0.5"] }, "/data", "dev");
  if (!study) throw new Error("there is a study");
  const metric = (nll: number) => ({ metric: "perplexity", nll, standardError: 0.1, losses: [{ loss: 1, tokens: 1 }] });
  const row = (name: string, kind: ComparedRow["kind"], frontier?: object) => ({
    name,
    kind,
    sparsity: 0.5,
    metrics: { general: metric(3), gsm8k: metric(2) },
    layers: [],
    ...(frontier && { frontier: { gsm8k: frontier } }),
  });
  const rows = [row("general", "role"), row("max", "rule", { along: "task", value: -0.2, standardError: 0.05, beyond: true })];
  const lines = linesOf(study, JSON.stringify({ rows }));
  expect(lines).toEqual([
    expect.objectContaining({ variant: "general", general: { value: 3, standardError: 0.1 }, loss: { value: 2, standardError: 0.1 } }),
    expect.objectContaining({ variant: "max", frontier: { along: "task", value: -0.2, standardError: 0.05, beyond: true } }),
  ]);
  const behind: StudyLine = {
    ...(lines[1] as StudyLine),
    task: "mbpp",
    frontier: { along: "task", value: 0.4, standardError: 0.1, beyond: false },
  };
  expect(
    summaryOf([...lines, behind])
      .split("\n")
      .slice(2),
  ).toEqual(["| wanda | 0.5 | dev | max | 2 | 1 | 1 | -0.0800 ± 0.0447 |"]);
  expect(() => linesOf(study, JSON.stringify({ rows: [{ ...row("max", "rule"), metrics: {} }] }))).toThrow(
    "was not measured on general text and gsm8k",
  );
});
