export {
  type CalibrateOptions,
  type CalibrationParts,
  type CalibrationPlan,
  calibrate,
  planCalibration,
} from "./calibrate.ts";
export type { Emit, Phase, PlanSummary, PruneEvent } from "./events.ts";
export type { Manifest } from "./manifest.ts";
export { partialFolder } from "./output.ts";
export { type Parts, type Plan, planPrune } from "./plan.ts";
export { type PruneOptions, prune, sparsityOf } from "./prune.ts";
export type { LayerReport } from "./prune-layer.ts";
export {
  type CalibrationInput,
  type CalibrationRecipe,
  type DataSource,
  parseCalibration,
  parseRecipe,
  type Recipe,
  type RecipeInput,
  recipeSchema,
} from "./recipe.ts";
export { type SweepGrid, type SweepOptions, type SweepRow, sweep, sweepRecipes } from "./sweep.ts";
