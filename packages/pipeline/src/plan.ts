import { createHash } from "node:crypto";
import type { Program, Weight } from "@secateur/graph";
import {
  type Allocator,
  type Backend,
  type Document,
  type Format,
  type Fuser,
  GENERAL,
  type Loader,
  type Need,
  type OpenModel,
  type Role,
  type Scorer,
  SecateurError,
  type Solver,
  type TensorFiles,
} from "@secateur/kit";
import { describeModel, type ModelDescription } from "@secateur/models";
import { type Layout, type OpenStatistics, openStatistics } from "@secateur/statistics";
import { checkAllocator, measuringPasses } from "./allocation.ts";
import { loadRoles, type RoleData, type RoleFacts } from "./data.ts";
import { checkDense, checkPredictions, layoutOf, readsGradients } from "./dense-pass.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { estimateDense } from "./estimate-dense.ts";
import { boundsOf, checkLeakage, createCalibrated, loadEvaluation } from "./evaluation-data.ts";
import { type EvaluationFacts, evaluationFacts, type MeasureInput, type Measuring } from "./measuring.ts";
import { defaultMemory } from "./memory.ts";
import { type Method, methodOf, uniqueNeeds } from "./method.ts";
import { checkOutput, checkSpace } from "./output.ts";
import { type Passes, passesOf, readingPasses } from "./passes.ts";
import { dataSources, type PlannedRecipe, parseRecipe, type Recipe, roleWeights } from "./recipe.ts";
import { keptRoles, shareOf, wantedRoles } from "./roles.ts";
import { chooseSeqLen } from "./seq-len.ts";
import { createSumShapes } from "./sum-shapes.ts";
import { type Section, selectTargets } from "./targets.ts";

/** The parts that a recipe's names stand for; the app resolves them. */
export interface Parts {
  readonly format: Format;
  readonly loaders: readonly Loader[];
  readonly scorer: Scorer | Solver;
  /** What the recipe's `solver` stands for. */
  readonly solver?: Solver | undefined;
  readonly fuser: Fuser;
  /** The fuser's name: the recipe's, or what suits its scorer (`fusionOf`). */
  readonly fusion: string;
  /** What the recipe's `allocate` stands for. */
  readonly allocator?: Allocator | undefined;
  /** Opens the statistics that a recipe may name. */
  readonly statisticsFiles: TensorFiles;
  /** The tokens that one run of the backend should hold. */
  readonly preferredTokens: number;
  /** Hidden states past so many bytes go to a scratch file beside the output; half of the machine's memory when left out. */
  readonly memoryBytes?: number | undefined;
  /** Hashes of the plugins that are not the program's own, by kind: an unfinished run is not gone on with after one has changed. */
  readonly pluginHashes?: Readonly<Record<string, string>>;
}

/** What every run over a model's sections knows before a weight is read. */
export interface BasePlan {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly sections: readonly Section[];
  readonly needs: readonly Need[];
  /** Roles with their data, `general` first; empty when no statistics are read, or when they come from a file. */
  readonly data: readonly RoleData[];
  readonly preferredTokens: number;
  readonly memoryBytes: number;
  /** Whether an output that is there may be replaced. */
  readonly replace: boolean;
  readonly warnings: readonly string[];
  /** Closes the model and whatever else the plan has opened. */
  close(): Promise<void>;
}

/** A checked run: everything that can be known before a weight is read. */
export interface Plan extends BasePlan {
  readonly recipe: PlannedRecipe;
  readonly method: Method;
  /** What data passes through on its way; over kept statistics, what is read together. */
  readonly passes: readonly Passes[];
  /** What is collected of the dense model before anything is pruned, and what that takes. */
  readonly dense: { readonly needs: readonly Need[]; readonly layout: Layout; readonly cost: Estimate } | undefined;
  /** What such statistics are kept in. */
  readonly statisticsFiles: TensorFiles;
  /** The roles whose statistics are read, `general` first; empty when neither scorer nor fuser reads any. */
  readonly roles: readonly RoleFacts[];
  /** Where they are read from, when no data passes the model. */
  readonly statistics: OpenStatistics | undefined;
  /** The weights of these roles; they sum to 1. */
  readonly weights: ReadonlyMap<Role, number>;
  readonly pluginHashes: Readonly<Record<string, string>>;
  /** What the model is measured on before and after; nothing where that was not asked for. */
  readonly measuring: (Measuring & { readonly input: MeasureInput }) | undefined;
  readonly summary: Estimate & {
    readonly model: string;
    readonly modelType: string;
    readonly blocks: number;
    readonly parameters: number;
    readonly layers: number;
    /** Weights of the layers that are pruned. */
    readonly prunable: number;
    /** The share of them that is to be zero. */
    readonly pruned: number;
    readonly roles: readonly {
      readonly role: Role;
      readonly weight: number;
      readonly sources: readonly string[];
      readonly sequences: number;
      readonly tokens: number;
    }[];
    /** What the model is measured on before and after. */
    readonly evaluation?: readonly EvaluationFacts[];
    /** Who chooses the layers' ratios, and the tokens that pass the dense model first for it. */
    readonly allocation?: { readonly by: string; readonly work: number };
    /** Statistics of the dense model that are collected first: the tokens through blocks, a way back counted twice, and their room on disk while the run lasts. */
    readonly dense?: { readonly gradients: boolean; readonly work: number; readonly diskBytes: number };
    readonly warnings: readonly string[];
  };
}

/**
 * Checks a recipe against the model's headers, the data and the place for the output, and says what the run will cost; with `measured`, also that none of the rows
 * that the model is to be measured on is calibrated with. No weight is read (but for a model's hash, where statistics of it are given) and nothing is written.
 * Whoever plans closes the plan.
 */
export async function planPrune(
  recipe: Recipe,
  parts: Parts,
  out: { readonly path: string; readonly force: boolean } | undefined,
  measured?: MeasureInput,
): Promise<Plan> {
  const inputs = inputsOf(recipe);
  const read = measured?.evaluate.map(({ source }) => source) ?? [];
  if (out) await checkOutput(out.path, { ...inputs, data: [...inputs.data, ...read] }, out.force);
  const model = await parts.format.open(recipe.model);
  const opened: { close(): Promise<void> }[] = [model];
  try {
    const statistics = recipe.stats === undefined ? undefined : await openStatistics(parts.statisticsFiles, recipe.stats);
    if (statistics) opened.push(statistics);
    const plan = await planOpened(
      recipe,
      parts,
      { model, statistics, replace: out?.force ?? false, close: () => closeAll(opened) },
      measured,
    );
    if (out) await checkSpace(out.path, plan.summary.diskBytes + plan.summary.scratchBytes);
    return plan;
  } catch (error) {
    await closeAll(opened);
    throw error;
  }
}

async function closeAll(opened: readonly { close(): Promise<void> }[]): Promise<void> {
  for (const one of opened) await one.close();
}

/** What a recipe reads. */
export function inputsOf(recipe: Pick<Recipe, "model" | "general" | "tasks" | "stats">): {
  readonly model: string;
  readonly data: readonly string[];
} {
  const data = dataSources(recipe).map(({ source }) => source);
  return { model: recipe.model, data: recipe.stats === undefined ? data : [...data, recipe.stats] };
}

/** What a plan reads, once it is open, and how the plan's end closes it. */
type Opened = Pick<Plan, "model" | "statistics" | "replace" | "close">;

/** As `planPrune`, of a model and statistics that are open already; the place for the output is the caller's to check. */
export async function planOpened(given: Recipe, parts: Parts, opened: Opened, measured?: MeasureInput): Promise<Plan> {
  const method = methodOf({ ...given, fusion: parts.fusion }, parts);
  const { preferredTokens, memoryBytes = defaultMemory() } = parts;
  const { model, statistics } = opened;
  const description = describeModel(model);
  const sections = selectTargets(description, given.include, given.exclude);
  checkPattern(given, sections);
  const seqLen = chooseSeqLen(given.seqLen, description);
  // Checked, and its keys in one order: the manifest's bytes do not depend on how it was written.
  const propagate = propagationOf(given, method);
  const { fusion } = parts;
  const recipe = { ...parseRecipe({ ...given, ...(statistics ? {} : { seqLen }), fusion, propagate }), fusion, propagate };
  const { ratios, fuser, walkNeeds, ratioNeeds } = method;
  const allWeights = roleWeights(rolesNamed(recipe, statistics), recipe.weights);
  const measuring = measured && (await measuringOf(measured, seqLen, description, parts.loaders));
  const calibrated = createCalibrated();
  let [roles, data]: [readonly RoleFacts[], readonly RoleData[]] = [[], []];
  const ofDense = uniqueNeeds([...(method.scoresFrom === "dense" ? method.scoreNeeds : []), ...method.rankingNeeds]);
  const read = uniqueNeeds([...walkNeeds, ...ofDense, ...ratioNeeds]);
  checkDense(sections, description, read);
  if (read.length > 0 && statistics) {
    roles = keptRoles(statistics, fusion, fuser, allWeights);
    await checkStatistics(statistics, model, sections, roles, read);
  } else if (read.length > 0) {
    const take = (document: Document, role: Role): boolean => {
      if (measuring) calibrated.add(role, document);
      return true;
    };
    data = await loadRoles(wantedRoles(recipe, fuser, allWeights), recipe, { loaders: parts.loaders, model, description, seqLen, take });
    checkPredictions(data, read);
    roles = data;
  }
  if (ratios) checkAllocator(ratios, sections, recipe);
  const measuringRatios = measuringPasses(ratios, sections, statistics !== undefined);
  const reading = statistics !== undefined || (method.scoresFrom === "dense" && !method.solver);
  const passes = reading ? readingPasses(sections) : passesOf(sections, recipe.propagate);
  const base = { model, description, sections, roles, data, preferredTokens, memoryBytes };
  const dense = densePlan();
  const weights = shareOf(
    roles.map(({ role }) => role),
    allWeights,
  );
  const warnings = [...data.flatMap((role) => role.warnings), ...leaksOf()];
  return {
    ...opened,
    recipe,
    description,
    sections,
    method,
    needs: walkNeeds,
    dense,
    statisticsFiles: parts.statisticsFiles,
    roles,
    data,
    weights,
    passes,
    preferredTokens,
    memoryBytes,
    pluginHashes: parts.pluginHashes ?? {},
    measuring,
    warnings,
    summary: {
      ...countsOf(model, description, sections),
      pruned: recipe.pattern ? 1 - recipe.pattern.keep / recipe.pattern.of : (recipe.sparsity as number), // a checked recipe has one of the two
      roles: roles.map(({ role, sources, count, tokens }) => ({
        role,
        weight: weights.get(role) as number,
        sources,
        sequences: count,
        tokens,
      })),
      ...costOf(),
      ...(measuring && { evaluation: evaluationFacts(measuring) }),
      warnings,
    },
  };

  /** What may be calibration data of what is measured on. */
  function leaksOf(): string[] {
    if (!measuring) return [];
    if (statistics)
      return [
        `the statistics ${statistics.path} do not tell their rows, so that nobody knows whether the model is measured on some of them`,
      ];
    return checkLeakage(measuring.evaluation, calibrated, (name) => `give other rows with --eval ${name}=FILE`);
  }

  /** What the dense model is to be read for first; nothing where statistics of it are kept, or nothing reads them. */
  function densePlan(): Plan["dense"] {
    if (statistics || ofDense.length === 0) return undefined;
    const layout = layoutOf(sections, ofDense, data);
    return { needs: ofDense, layout, cost: estimateDense({ ...base, needs: ofDense }, layout) };
  }

  function costOf(): Estimate & Pick<Plan["summary"], "allocation" | "dense"> {
    const own = estimate({ ...base, needs: walkNeeds, data: reading ? [] : data, passes });
    const first = ratios ? estimate({ ...base, needs: ratioNeeds, passes: measuringRatios }) : undefined;
    const parts = [own, ...(first ? [first] : []), ...(dense ? [dense.cost] : [])];
    const sum = (of: (part: Estimate) => number): number => parts.reduce((total, part) => total + of(part), 0);
    const most = (of: (part: Estimate) => number): number => Math.max(...parts.map(of));
    const by = recipe.allocate ?? (method.ranking && recipe.scorer);
    return {
      flops: sum(({ flops }) => flops),
      work: sum(({ work }) => work),
      memoryBytes: most(({ memoryBytes: bytes }) => bytes),
      diskBytes: own.diskBytes,
      scratchBytes: most(({ scratchBytes }) => scratchBytes) + (dense?.cost.diskBytes ?? 0),
      ...(by !== undefined && { allocation: { by, work: first?.work ?? 0 } }),
      ...(dense && { dense: { gradients: readsGradients(dense.needs), work: dense.cost.work, diskBytes: dense.cost.diskBytes } }),
    };
  }
}

async function measuringOf(
  measured: MeasureInput,
  seqLen: number,
  description: ModelDescription,
  loaders: readonly Loader[],
): Promise<Plan["measuring"]> {
  if (measured.evaluate.length === 0) return undefined;
  const bounds = boundsOf(measured, seqLen, description);
  return { input: measured, bounds, evaluation: await loadEvaluation([], measured.evaluate, bounds, loaders) };
}

/** What a recipe that does not say it means. */
function propagationOf({ propagate, stats }: Recipe, { scoresFrom, solver }: Method): PlannedRecipe["propagate"] {
  return propagate ?? (stats !== undefined || (scoresFrom === "dense" && !solver) ? "none" : "block");
}

function rolesNamed({ general, tasks }: Recipe, statistics: OpenStatistics | undefined): Role[] {
  if (statistics) return statistics.header.roles.map(({ role }) => role);
  const hasGeneral = general.length > 0 || tasks.length === 0;
  return [...(hasGeneral ? [GENERAL] : []), ...tasks.map(({ name }) => name)];
}

/** Throws SecateurError `input` for statistics of another model, or without what is to be read of them. */
async function checkStatistics(
  statistics: OpenStatistics,
  model: OpenModel,
  sections: readonly Section[],
  roles: readonly RoleFacts[],
  needs: readonly Need[],
): Promise<void> {
  const { path, header } = statistics;
  const found = await model.hash();
  if (found !== header.model.hash) {
    const message = `${path} holds statistics of another model than ${model.source}: of ${header.model.hash}, and this one is ${found}`;
    throw new SecateurError("input", message, { where: { file: path } });
  }
  const layers = new Map(
    sections.flatMap(({ program, linears }) => linears.map(({ tensor, weight }) => [tensor, { program, weight }] as const)),
  );
  const shapesOf = createSumShapes();
  statistics.check(
    [...layers.keys()],
    roles.map(({ role }) => role),
    needs,
    (tensor, need) => {
      const { program, weight } = layers.get(tensor) as { program: Program; weight: Weight }; // asked for one of the layers
      return shapesOf(program, weight.name, need);
    },
  );
}

/** What a plan says of its model. */
export function countsOf(model: OpenModel, description: ModelDescription, sections: readonly Section[]): ModelCounts {
  const linears = sections.flatMap((section) => section.linears);
  return {
    model: model.source,
    modelType: description.modelType,
    blocks: description.blocks.length,
    parameters: [...model.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
    layers: linears.length,
    prunable: linears.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0),
  };
}

type ModelCounts = Pick<Plan["summary"], "model" | "modelType" | "blocks" | "parameters" | "layers" | "prunable">;

/** Throws SecateurError `usage` for a pattern that does not part the inputs of every layer. */
export function checkPattern(recipe: Recipe, sections: readonly Section[]): void {
  if (!recipe.pattern) return;
  const { keep, of } = recipe.pattern;
  for (const { tensor, shape } of sections.flatMap(({ linears }) => linears)) {
    if (shape[1] % of !== 0) {
      throw new SecateurError("usage", `pattern ${keep}:${of} does not fit ${tensor}: its ${shape[1]} inputs are not a multiple of ${of}`, {
        where: { tensor },
      });
    }
  }
}

/** A hash of what decides the bytes of a run's result; it keys the journal of an interrupted run. */
export function planKey(plan: Plan, modelHash: string, backend: Backend["description"], version: string): string {
  const { recipe, roles, weights, preferredTokens, pluginHashes } = plan;
  const { general: _general, tasks: _tasks, model: _model, stats: _stats, ...settings } = recipe;
  const data = roles.map(({ role, hash }) => ({ role, hash, weight: weights.get(role) }));
  const key = { settings, model: modelHash, data, backend, preferredTokens, pluginHashes, version };
  return `sha256:${createHash("sha256").update(JSON.stringify(key)).digest("hex")}`;
}
