export { bindInputs } from "./bind-inputs.ts";
export {
  type AllocateLayer,
  type Allocator,
  type AllocatorPlugin,
  type AnyPlugin,
  type Backend,
  type BackendDescription,
  type BackendPlugin,
  CONTRACT,
  type DeviceTensor,
  defineAllocator,
  defineBackend,
  defineFuser,
  defineScorer,
  degreeOf,
  type Executable,
  type FuseInput,
  type Fuser,
  type FuserPlugin,
  type Linear,
  type Mask,
  type MeasureLayer,
  type Partition,
  type Plugin,
  type RankingAllocator,
  type RatioAllocator,
  type Scorer,
  type ScorerPlugin,
  type Select,
  type Selection,
  type Solution,
  type Solver,
  type SolverStats,
} from "./contracts.ts";
export type {
  Answering,
  Document,
  DocumentKind,
  Loader,
  LoadOptions,
  LoadReport,
  Message,
  Origin,
  RowRange,
  RowTemplate,
} from "./document.ts";
export { type ErrorCode, isUserError, SecateurError, throwIfCancelled, type Where } from "./errors.ts";
export type { Format, Json, OpenModel, TensorInfo, TokenizerFiles, WeightSink } from "./format.ts";
export { booleanFromText, numberFromText } from "./option-text.ts";
export { errorAt, placeOf } from "./origin-error.ts";
export type { OptionSchema, SchemaIssue, SchemaResult } from "./schema.ts";
export {
  fisher,
  GENERAL,
  gradientRms,
  gram,
  inputNorm,
  inputRms,
  type Need,
  outputGradient,
  type Role,
  type RoleStats,
  regionalGradient,
} from "./statistics.ts";
export type { OpenTensorFile, TensorEntry, TensorFileSink, TensorFiles } from "./tensor-files.ts";
