export { type Batch, planBatches } from "./batches.ts";
export { createEngine, type Engine } from "./engine.ts";
export { type ForwardOptions, forward } from "./forward.ts";
export { type Generated, type GenerateOptions, generateGreedy } from "./generate.ts";
export { logitsOf, type ScoreOptions, scoreSequences, type TokenScores } from "./score.ts";
export { type BlockStats, type CollectOptions, collect } from "./statistics.ts";
export { embed, type Stream, type StreamBatch, type TokenSequence } from "./stream.ts";
export { tapProgram } from "./tap-program.ts";
export { type LoadedWeights, loadWeights } from "./weights.ts";
