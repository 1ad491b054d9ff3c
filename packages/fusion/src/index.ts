export {
  allocators,
  type OwlOptions,
  outlierShare,
  owlAllocator,
  type TableOptions,
  tableAllocator,
  uniformAllocator,
} from "./allocators.ts";
export { applyMask, countZeros } from "./apply.ts";
export { apportion, meetBudget } from "./budget.ts";
export {
  fusers,
  generalFuser,
  geometricFuser,
  type MixtureOptions,
  maxFuser,
  mixtureFuser,
  rankFuser,
  sharedExclusiveFuser,
  sumFuser,
  taskFuser,
} from "./fusers.ts";
export { type LevelKind, levelled, levels } from "./levels.ts";
export { type Amount, type MaskResult, maskPattern, maskUnstructured, type Pattern, pruneCount } from "./mask.ts";
export { poolStats } from "./mixture.ts";
export { jaccard, type Overlap, overlapOf } from "./overlap.ts";
export { DEFAULT_TAU, partitionShares, sharedExclusive } from "./partition.ts";
export { type RankedMatrix, rankedCounts } from "./ranked-counts.ts";
export type { ScaleOptions } from "./scale.ts";
export { addHistograms, type ScoreHistogram, scoreHistogram } from "./score-histogram.ts";
export { fuseSharedExclusive, type SharedExclusiveOptions } from "./shared-exclusive.ts";
