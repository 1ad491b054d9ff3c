export { type Batch, planBatches } from "./batches.ts";
export { createEngine, type Engine, type ForwardOptions, forward, type LoadedWeights, loadWeights } from "./engine.ts";
export { type Generated, type GenerateOptions, generateGreedy } from "./generate.ts";
export { logitsOf, type ScoreOptions, scoreSequences, type TokenScores } from "./score.ts";
export { type BlockStats, type CollectOptions, collect } from "./statistics.ts";
export { embed, type Stream, type StreamBatch, type TokenSequence } from "./stream.ts";
