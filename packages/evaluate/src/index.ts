export type { AnswersResult } from "./answers.ts";
export type { ChoicesResult } from "./choices.ts";
export type { DistanceResult } from "./distance.ts";
export { compareModels, type Evaluation, evaluate, metricOf, withoutStrayBlanks } from "./evaluate.ts";
export { distanceToFrontier, efficientFrontier, type FrontierDistance, type FrontierPoint, type TradeOff } from "./frontier.ts";
export type { PerplexityResult } from "./perplexity.ts";
export type { EvaluateOptions, MetricName } from "./setting.ts";
export { combinedLoss, type DocumentLoss, type Estimate, estimate, pooledLoss } from "./statistics.ts";
