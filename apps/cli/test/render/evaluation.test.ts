import { expect, test } from "vitest";
import { evaluationText } from "../../src/render/evaluation.ts";
import { plainColors } from "../../src/terminal.ts";

const BACKEND = { engine: "onnxruntime", version: "1.30.0", provider: "openvino 1.8.1", device: "cpu", precision: "bf16" };
const COMPUTED = "computed by onnxruntime 1.30.0, openvino 1.8.1 on cpu, products in bf16";

test("each metric shows its values and how they were taken", () => {
  const half = { value: 0.5, standardError: 0.0123 };
  const perplexity = {
    metric: "perplexity",
    perplexity: 28.8123,
    nll: 3.36079,
    standardError: 0.02345,
    losses: [],
    predictedTokens: 16_352,
    windows: 32,
    windowTokens: 512,
  } as const;
  expect(evaluationText({ ...perplexity, protocol: "token-ppl@512" }, BACKEND, plainColors)).toBe(
    `perplexity  28.812  NLL 3.361 ± 0.023 over 16,352 tokens\ntoken-ppl@512; ${COMPUTED}\n`,
  );
  const answers = {
    metric: "answers",
    perplexity: 1.5,
    nll: 0.405,
    standardError: 0.01,
    losses: [],
    answerTokens: 90,
    documents: 30,
    exactMatch: half,
    skipped: 0,
    decoded: 0,
    unended: 0,
  } as const;
  expect(evaluationText({ ...answers, protocol: "answers: 30 rows" }, BACKEND, plainColors)).toBe(
    `exact match        50.0 % ± 1.2  of 30 rows\nanswer perplexity  1.5           NLL 0.405 ± 0.010 over 90 tokens\nanswers: 30 rows; ${COMPUTED}\n`,
  );
  const choices = {
    metric: "choices",
    acc: half,
    accNorm: half,
    nll: 0.4,
    standardError: 0,
    losses: [],
    documents: 1,
    logLikelihoods: [],
  } as const;
  expect(evaluationText({ ...choices, protocol: "choices: 1 row" }, BACKEND, plainColors)).toBe(
    `acc       50.0 % ± 1.2  of 1 row\nacc_norm  50.0 % ± 1.2\nchoices: 1 row; ${COMPUTED}\n`,
  );
  const distance = {
    metric: "distance",
    divergence: { value: 0.63123, standardError: 0.0191 },
    agreement: half,
    predictedTokens: 2040,
    documents: 8,
    losses: [],
  } as const;
  expect(evaluationText({ ...distance, protocol: "distance: …" }, BACKEND, plainColors)).toBe(
    `KL               0.631 ± 0.019  nats a token, over 2,040 tokens\ntop-1 agreement  50.0 % ± 1.2\ndistance: …; ${COMPUTED}\n`,
  );
});

test("a perplexity that is no number is shown as what it is", () => {
  const broken = {
    metric: "perplexity",
    perplexity: Number.NaN,
    nll: Number.NaN,
    standardError: 0,
    losses: [],
    predictedTokens: 1,
    windows: 1,
    windowTokens: 2,
  } as const;
  expect(evaluationText({ ...broken, protocol: "p" }, BACKEND, plainColors)).toBe(
    `perplexity  NaN  NLL NaN ± 0 over 1 token\np; ${COMPUTED}\n`,
  );
});
