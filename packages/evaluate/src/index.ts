export type { AnswersResult } from "./answers.ts";
export type { ChoicesResult } from "./choices.ts";
export { type EvaluateOptions, type Evaluation, evaluate, type MetricName } from "./evaluate.ts";
export type { PerplexityResult } from "./perplexity.ts";
export { type Estimate, estimate, pooledLoss } from "./statistics.ts";
