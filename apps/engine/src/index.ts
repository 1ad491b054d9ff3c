export type { ListedProvider } from "@secateur/backend-onnxruntime";
export type { DemoResult } from "./demo/run.ts";
export { CommandError, type ErrorReport, reportOf } from "./errors.ts";
export { type FollowOptions, type RunningJob, startJob } from "./jobs/client.ts";
export type {
  CalibrateOutcome,
  CalibrateRequest,
  CompareOutcome,
  CompareRequest,
  DemoRequest,
  EvalOutcome,
  EvalRequest,
  JobName,
  Jobs,
  Preview,
  PreviewRequest,
  PruneOutcome,
  PruneRequest,
  StatisticsInspection,
  SweepRequest,
} from "./jobs/messages.ts";
export type { BackendChoice, BackendRequest, OpenedBackend } from "./jobs/run-backends.ts";
export type { Inspection } from "./jobs/run-inspect.ts";
export type { ListedPlugin, PluginList } from "./jobs/run-plugins.ts";
export type { Told } from "./serving/answer.ts";
export { type Answering, type AnsweringLimits, ContextLengthError, createAnswering } from "./serving/client.ts";
export type { AnswerPiece, AnswerRequest, AnswerToken, Prompt, Sampling, TokenChoice, TokenText } from "./serving/messages.ts";
