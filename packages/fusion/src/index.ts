export { applyMask, countZeros } from "./apply.ts";
export {
  fusers,
  fuseSharedExclusive,
  generalFuser,
  geometricFuser,
  type MixtureOptions,
  maxFuser,
  mixtureFuser,
  rankFuser,
  type SharedExclusiveOptions,
  sharedExclusiveFuser,
  sumFuser,
  taskFuser,
} from "./fusers.ts";
export { type LevelKind, levelled, levels } from "./levels.ts";
export { type MaskResult, maskPattern, maskUnstructured, type Pattern, pruneCount } from "./mask.ts";
export { poolStats } from "./mixture.ts";
export { partitionShares, sharedExclusive } from "./partition.ts";
export type { ScaleOptions } from "./scale.ts";
