import type { Axes, Program } from "@secateur/graph";
import type { F32Tensor, Tensor } from "@secateur/tensor";
import type { OptionSchema } from "./schema.ts";
import type { Need, Role, RoleStats } from "./statistics.ts";

/** A tensor where a backend computes. It belongs to the backend that made it and lives until it is released there. */
export interface DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: "F32" | "I32" | "BOOL";
}

/** A program made ready to run by one backend. */
export interface Executable {
  readonly program: Program;
  /** Frees what the backend holds for it. Running it after that throws SecateurError `backend`. */
  release(): Promise<void>;
}

/** What computed something. */
export interface BackendDescription {
  readonly engine: string;
  readonly version: string;
  /** The part of the engine that computes, with its version, where an engine has several. */
  readonly provider?: string | undefined;
  readonly device: string;
  /** What products are computed in, such as `f32` or `bf16`. */
  readonly precision: string;
}

/**
 * An engine that runs programs. Values stay on its device between calls; whoever uploads or receives a tensor releases it. A call may come while others are under way.
 * After `dispose` every call throws SecateurError `backend`.
 */
export interface Backend {
  readonly name: string;
  /** For the manifest. */
  readonly description: BackendDescription;
  /** The least and most tokens that one run should hold to be fast. */
  readonly preferredTokens: number;
  /** How many threads a run takes on a processor; left out where it is the library's own choice, as a rule one a core. */
  readonly threads?: number;
  /** Copies a tensor to the device; the given one stays its owner's. */
  upload(tensor: Tensor<"F32" | "I32" | "BOOL">): DeviceTensor;
  /** Copies a tensor back, bit for bit. Throws SecateurError `backend` for one that was released or is another backend's. */
  download(tensor: DeviceTensor): Promise<Tensor>;
  /** Frees a tensor. */
  release(tensor: DeviceTensor): void;
  /** Makes a program ready. `exact` asks for single precision throughout, whatever precision the backend else computes in; sums over tokens are always exact. */
  compile(program: Program, options?: { readonly exact?: boolean }): Promise<Executable>;
  /**
   * Runs a program on its inputs and weights, by name, and gives its outputs by name. An output named in `into` is written to that tensor
   * (which must have its shape) instead of a new one. Throws SecateurError `backend` for a missing input or a shape that does not fit.
   */
  run(
    executable: Executable,
    inputs: Readonly<Record<string, DeviceTensor>>,
    into?: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, DeviceTensor>>;
  /** a (m, k) · b (k, n), either transposed first when its flag is set; exact. Written to `into` when it is given, which must have its shape. */
  matmul(
    a: DeviceTensor,
    b: DeviceTensor,
    options?: { readonly transposeA?: boolean; readonly transposeB?: boolean; readonly into?: DeviceTensor | undefined },
  ): Promise<DeviceTensor>;
  /** Frees the device and everything still on it. */
  dispose(): Promise<void>;
}

/** A linear layer: its weights as (out, in), whatever way round the model's file keeps them, and its name there. */
export interface Linear {
  readonly name: string;
  readonly weights: F32Tensor;
  /** What its axes are called, such as `["ffn", "hidden"]`, and the sizes of those names. */
  readonly axes: readonly [string, string];
  readonly sizes: Axes;
}

/** A 0/1 matrix of a layer's shape, row-major: 1 = kept. */
export type Mask = Uint8Array;

/** What competes with what for the places that a ratio leaves, when no N:M pattern is given. */
export interface Selection {
  readonly group: "row" | "matrix" | "block" | "model";
  /**
   * `exact` prunes ⌊n·s⌋ of a group's n weights, equal scores by lower index first. `threshold` is the rule of some published codes: everything
   * not above the score at position ⌊n·s⌋ of the sorted group is pruned, which is at least one weight more.
   */
  readonly rule: "exact" | "threshold";
  /** In groups beyond the matrix: how far each matrix's ratio may be from the asked one, 0 to 1; 1 when left out. The group's total is exact all the same. */
  readonly band?: number;
}

/** Gives every weight of a layer an importance. */
export interface Scorer {
  /** What it reads from the statistics; a scorer without needs is activation-free. */
  readonly needs: readonly Need[];
  readonly selection: Selection;
  /**
   * The degree of its scores in the activations, by which roles on different scales are compared: scores grow with this power of them. 1 when left out, and
   * above 0; a scorer without needs has degree 0.
   */
  readonly degree?: number;
  /** Scores (out, in): a finite number a weight, higher = keep, from one role's raw statistics. It must not change its inputs. */
  score(layer: Linear, stats: RoleStats, backend: Backend): Promise<F32Tensor>;
}

/** The degree of a scorer's scores in the activations: what it declares, 1 when it declares none, 0 when it needs none. */
export function degreeOf({ needs, degree }: Pick<Scorer, "needs" | "degree">): number {
  return degree ?? (needs.length > 0 ? 1 : 0);
}

/** The engine's choice of the weights that stay, which a solver asks for as it goes: the engine fuses roles' scores and applies ratio or pattern. */
export interface Select {
  /** With an N:M pattern, M: columns are asked for in groups of so many. 0: a ratio is applied to whatever columns are asked for. */
  readonly groupColumns: number;
  /** The mask (out, columns) of the columns from `firstColumn` on, from each role's scores of them (out, columns). Columns are asked for once, in order. */
  choose(scores: ReadonlyMap<Role, F32Tensor>, firstColumn: number): Mask;
}

/** What a solver is given of the data. */
export interface SolverStats {
  /** The statistics to score with: each role's own, or one entry where the fusion pools them. */
  readonly roles: ReadonlyMap<Role, RoleStats>;
  /** All roles' statistics pooled by their weights: what the weights that stay are fitted to. */
  readonly mixture: RoleStats;
}

/** What a solver gives: a layer's new weights (out, in), zero where the mask is 0. */
export interface Solution {
  readonly weights: F32Tensor;
  readonly mask: Mask;
  /** Facts about this layer for the manifest, such as the damping that was needed. */
  readonly notes?: Readonly<Record<string, number>>;
}

/** A scorer that also changes the weights that stay, such as SparseGPT. It must not change its inputs. */
export interface Solver {
  readonly needs: readonly Need[];
  readonly selection: Selection;
  /** Asks `select` for the mask of all columns, in order, and repairs the weights that stay. Throws SecateurError `numeric` where the statistics do not allow it. */
  solve(layer: Linear, stats: SolverStats, select: Select, backend: Backend): Promise<Solution>;
}

/** What a fuser is given for one layer. */
export interface FuseInput {
  /** Roles with a weight above 0, `general` first when it is among them. */
  readonly roles: readonly Role[];
  /** The roles' weights; they sum to 1. */
  readonly weights: ReadonlyMap<Role, number>;
  readonly shape: readonly [rows: number, cols: number];
  /** Each role's scores (rows, cols) by the foundation scorer, on the role's own scale. */
  readonly scores: ReadonlyMap<Role, Float32Array>;
  /** Each role's RMS norms of all of the layer's input channels, of which the scores' columns are those from `firstColumn` on. */
  readonly norms: ReadonlyMap<Role, Float64Array>;
  /** Each role's RMS of the loss's gradient at the layer's output channels (rows); there where the scorer or the fuser reads `outputGradient`. */
  readonly gradients?: ReadonlyMap<Role, Float64Array>;
  /**
   * Each role's level, above 0, where the scorer reads gradients of the model's loss: √Σg² over all outputs of all layers that are pruned. Scores are
   * brought to a common scale by it alone; absent, by the layer's norms.
   */
  readonly levels?: ReadonlyMap<Role, number>;
  /** Above 0 where a solver has only some columns scored. */
  readonly firstColumn: number;
  /** The scores' degree in the activations. 0: they do not depend on activations and are the same for every role. */
  readonly degree: number;
  readonly selection: Selection;
}

/**
 * Makes one score matrix of every role's. A fuser either fuses scores, or pools the statistics and lets the scorer run once on them. Scores of
 * the loss's gradients (`levels`) are fused by one that pools too, with its `fuse`: what such a scorer multiplies cannot be pooled factor by factor.
 */
export type Fuser = {
  readonly needs: readonly Need[];
  /** Which roles it reads: only their data is collected. */
  readonly reads: "all" | "general" | "tasks";
  /** `matrix` where what it gives compares within a matrix alone, such as ranks: weights cannot compete beyond it then. */
  readonly compares?: "matrix";
} & (
  | {
      /** One score matrix (rows, cols) of every role's, finite, higher = keep, and where the rule parts channels among roles, which own which. */
      fuse(input: FuseInput): { readonly scores: Float32Array; readonly partition?: Partition };
    }
  | {
      /** One role's statistics of every role's, by their weights, which sum to 1; what it gives is new memory. */
      pool(stats: ReadonlyMap<Role, RoleStats>, weights: ReadonlyMap<Role, number>): RoleStats;
      /** As `fuse` of the other kind, for scores of the loss's gradients. */
      fuse?(input: FuseInput): { readonly scores: Float32Array; readonly partition?: Partition };
    }
);

/** Which roles own each input channel: bit i of `owners[j]` is role i of the input's `roles`; a channel that all own is shared. */
export interface Partition {
  readonly roles: readonly Role[];
  readonly owners: Uint32Array;
}

/** A layer that is pruned, as an allocator sees it. */
export interface AllocateLayer {
  readonly name: string;
  /** The number of its section: a decoder block, or after them the output head. */
  readonly block: number;
  readonly shape: readonly [rows: number, cols: number];
  /** What `measure` gave for its block; absent where the allocator has no `measure`. */
  readonly measure?: number | undefined;
}

/** A layer of the dense model with the statistics of all roles pooled by their weights. */
export interface MeasureLayer {
  readonly layer: Linear;
  readonly stats: RoleStats;
}

/** What shares the asked ratio out among layers: ratios that are chosen, or scores of the dense model that compete. */
export type Allocator = RatioAllocator | RankingAllocator;

/** Shares the budget out by the fused scores of a scorer on the dense model: each matrix, or each of its rows, is to prune as many weights as it has among the lowest. */
export interface RankingAllocator {
  /** Its selection is beyond the matrix. */
  readonly scorer: Scorer;
  readonly budget: "matrix" | "row";
}

/** Chooses each layer's ratio so that of all their weights together the asked ratio is pruned. It must not change its inputs. */
export interface RatioAllocator {
  /** What `measure` reads, collected of the dense model in a pass of its own before pruning; none without `measure`. */
  readonly needs: readonly Need[];
  /** A finite number of a block from its pruned layers. Absent where ratios do not depend on data or weights: then there is no such pass. */
  measure?(layers: readonly MeasureLayer[]): number;
  /**
   * Each layer's ratio, 0 to 1, in the order given, so that Σ ratio·size is the asked ratio of Σ size within rounding.
   * Throws SecateurError `usage` for a budget that cannot be met.
   */
  allocate(layers: readonly AllocateLayer[], ratio: number): readonly number[];
}

/**
 * The version of the contracts in this file. It grows, and with it the major version of this package, when a plugin that fitted one would not fit the next: a
 * program refuses plugins of another.
 */
export const CONTRACT: 1 = 1;

/** A plugin of one kind: a plain object with a name, its options, and a function that makes the thing. */
export interface Plugin<Kind extends string, Options, Made> {
  /** The version of the contracts that it is written for; the `define` functions say the one that they come from. */
  readonly contract: number;
  readonly kind: Kind;
  readonly name: string;
  /** One line for lists. */
  readonly summary: string;
  readonly options: OptionSchema<Options>;
  /** Makes the thing from options that the schema has passed, defaults filled in. */
  create(options: Options): Made;
}

/** A plugin that makes a scorer or a solver. */
export interface ScorerPlugin<Options = unknown> extends Plugin<"scorer", Options, Scorer | Solver> {
  /**
   * The name of the fusion that suits its scores, which is taken where tasks are given and none is named; the program's own choice, `mixture`, when left out. Scores
   * that do not depend on activations are the same for every role, and want a fusion that looks at these itself.
   */
  readonly fusion?: string;
}
/** A plugin that makes a fuser. */
export type FuserPlugin<Options = unknown> = Plugin<"fuser", Options, Fuser>;
/** A plugin that makes an allocator. */
export type AllocatorPlugin<Options = unknown, Made extends Allocator = Allocator> = Plugin<"allocator", Options, Made>;
/** Backends open devices and libraries, so they are made asynchronously. */
export interface BackendPlugin<Options = unknown> extends Plugin<"backend", Options, Promise<Backend>> {
  /** The options, as a user types them, of everything that it may compute on: what lists and comparisons try. Its defaults alone when left out. */
  choices?(): Promise<readonly Readonly<Record<string, string>>[]>;
}

/** Any plugin with options; loaders and formats have none. */
export type AnyPlugin = ScorerPlugin | FuserPlugin | AllocatorPlugin | BackendPlugin;

/** What the `define` functions say of a plugin. */
type Stamped = "contract" | "kind";

/** Gives a scorer or solver its type, with the options' inferred from the schema. */
export function defineScorer<Options>(plugin: Omit<ScorerPlugin<Options>, Stamped>): ScorerPlugin<Options> {
  return { contract: CONTRACT, kind: "scorer", ...plugin };
}

/** As `defineScorer`, for a fuser. */
export function defineFuser<Options>(plugin: Omit<FuserPlugin<Options>, Stamped>): FuserPlugin<Options> {
  return { contract: CONTRACT, kind: "fuser", ...plugin };
}

/** As `defineScorer`, for an allocator. */
export function defineAllocator<Options, Made extends Allocator>(
  plugin: Omit<AllocatorPlugin<Options, Made>, Stamped>,
): AllocatorPlugin<Options, Made> {
  return { contract: CONTRACT, kind: "allocator", ...plugin };
}

/** As `defineScorer`, for a backend. */
export function defineBackend<Options>(plugin: Omit<BackendPlugin<Options>, Stamped>): BackendPlugin<Options> {
  return { contract: CONTRACT, kind: "backend", ...plugin };
}
