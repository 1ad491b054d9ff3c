export { type BackwardOptions, type BackwardPass, backwardProgram, headBackward, startBackward } from "./backward.ts";
export { type Batch, planBatches } from "./batches.ts";
export { compareSequences, type TokenDistances } from "./compare.ts";
export { createEngine, type Engine } from "./engine.ts";
export { type ForwardOptions, forward } from "./forward.ts";
export {
  type FinishReason,
  type Generated,
  type GenerateOptions,
  generateGreedy,
  type StreamOptions,
  streamTokens,
  type Written,
} from "./generate.ts";
export { type HeldWeights, holdWeights } from "./held-weights.ts";
export { type LikelyTokens, likeliestTokens, logSumExp } from "./likeliest.ts";
export { logitsOf, type ScoreOptions, scoreSequences, type TokenScores } from "./score.ts";
export { createStateStore, type State, type StateStore, type StateStoreOptions } from "./states.ts";
export { type BlockStats, type CollectOptions, collect, type Part } from "./statistics.ts";
export { embed, hiddenOf, type Stream, type StreamBatch, type TokenSequence } from "./stream.ts";
export { collectProgram, sumShapes, tapProgram } from "./tap-program.ts";
export { type DeviceWeights, type LoadedWeights, loadWeights } from "./weights.ts";
