export {
  type CalibrateOptions,
  type CalibrationParts,
  type CalibrationPlan,
  calibrate,
  planCalibration,
} from "./calibrate.ts";
export { type ComparedRow, type CompareEvent, type CompareOptions, type CompareRow, compare } from "./compare.ts";
export { type CompareInput, type CompareParts, type ComparePlan, planCompare, type SharedRecipe } from "./compare-plan.ts";
export { type Comparison, makeComparison } from "./comparison.ts";
export type { EvaluationBounds, EvaluationSet, EvaluationSource } from "./evaluation-data.ts";
export type { Emit, Phase, PlanSummary, PruneEvent } from "./events.ts";
export { writeWhole } from "./io.ts";
export { lockFolder } from "./lock.ts";
export type { Manifest } from "./manifest.ts";
export type { EvaluationFacts, MeasureInput, Quality } from "./measuring.ts";
export type { ModelBytes } from "./model-bytes.ts";
export { checkOutputFile, checkSpace, partialFolder } from "./output.ts";
export { type Parts, type Plan, planPrune } from "./plan.ts";
export { type PruneOptions, prune } from "./prune.ts";
export { type LayerReport, sparsityOf } from "./prune-layer.ts";
export { openPruned, type PrunedModel, type PrunedModelOptions } from "./pruned-model.ts";
export {
  type CalibrationInput,
  type CalibrationRecipe,
  type DataSource,
  fusionOf,
  type PlannedRecipe,
  parseCalibration,
  parseRecipe,
  type Recipe,
  type RecipeInput,
  recipeSchema,
} from "./recipe.ts";
export type { RoleOverlap, RoleScores } from "./role-scores.ts";
export { showPathsAs } from "./shown-path.ts";
export { type SweepGrid, type SweepMeasure, type SweepOptions, type SweepRow, sweep, sweepRecipes } from "./sweep.ts";
export type { Rule, Variant, VariantsInput } from "./variants.ts";
