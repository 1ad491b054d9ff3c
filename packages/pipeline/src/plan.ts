import { createHash } from "node:crypto";
import { totalmem } from "node:os";
import {
  type Backend,
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
} from "@secateur/kit";
import { describeModel, type ModelDescription } from "@secateur/models";
import { modelTokenizer, type Tokenizer } from "@secateur/text";
import { type DataContext, loadRole, type RoleData } from "./data.ts";
import { type Estimate, estimate } from "./estimate.ts";
import { checkOutput, checkSpace } from "./output.ts";
import { type DataSource, dataSources, parseRecipe, type Recipe, roleWeights } from "./recipe.ts";
import { type Section, selectTargets } from "./targets.ts";

/** The parts that a recipe's names stand for; the app resolves them. */
export interface Parts {
  readonly format: Format;
  readonly loaders: readonly Loader[];
  readonly scorer: Scorer | Solver;
  readonly fuser: Fuser;
  /** The tokens that one run of the backend should hold. */
  readonly preferredTokens: number;
  /** Hidden states past so many bytes go to a scratch file beside the output; half of the machine's memory when left out. */
  readonly memoryBytes?: number | undefined;
  /** Hashes of the plugins that are not the program's own, by kind: an unfinished run is not gone on with after one has changed. */
  readonly pluginHashes?: Readonly<Record<string, string>>;
}

/** A checked run: everything that can be known before a weight is read. */
export interface Plan {
  readonly recipe: Recipe;
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly sections: readonly Section[];
  readonly scorer: Scorer | Solver;
  readonly fuser: Fuser;
  readonly needs: readonly Need[];
  /** Roles with their data, `general` first; empty when neither scorer nor fuser reads statistics. */
  readonly roles: readonly RoleData[];
  /** The weights of these roles; they sum to 1. */
  readonly weights: ReadonlyMap<Role, number>;
  readonly preferredTokens: number;
  readonly memoryBytes: number;
  readonly pluginHashes: Readonly<Record<string, string>>;
  /** Whether an output that is there may be replaced. */
  readonly replace: boolean;
  readonly warnings: readonly string[];
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
    readonly warnings: readonly string[];
  };
}

/**
 * Checks a recipe against the model's headers, the data and the place for the output, and says what the run will cost.
 * No weight is read and nothing is written. The plan's model is open: whoever plans closes it.
 */
export async function planPrune(
  recipe: Recipe,
  parts: Parts,
  out: { readonly path: string; readonly force: boolean } | undefined,
): Promise<Plan> {
  const { scorer } = parts;
  checkSelection(scorer, recipe);
  if (out) await checkOutput(out.path, inputsOf(recipe), out.force);
  const model = await parts.format.open(recipe.model);
  try {
    const plan = await planOpened(recipe, parts, scorer, model, out?.force ?? false);
    if (out) await checkSpace(out.path, plan.summary.diskBytes + plan.summary.scratchBytes);
    return plan;
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** What a recipe reads. */
export function inputsOf(recipe: Recipe): { readonly model: string; readonly data: readonly string[] } {
  return { model: recipe.model, data: dataSources(recipe).map(({ source }) => source) };
}

async function planOpened(given: Recipe, parts: Parts, scorer: Scorer | Solver, model: OpenModel, replace: boolean): Promise<Plan> {
  const { fuser, loaders, preferredTokens, memoryBytes = machineMemory() / 2 } = parts;
  const description = describeModel(model);
  const sections = selectTargets(description, given.include, given.exclude);
  checkPattern(given, sections);
  const seqLen = chooseSeqLen(given, description);
  const recipe = parseRecipe({ ...given, seqLen }); // checked, and its keys in one order: the manifest's bytes do not depend on how it was written
  const needs = uniqueNeeds([...scorer.needs, ...fuser.needs]);
  let tokenizer: Tokenizer | undefined;
  const context: DataContext = {
    loaders,
    seqLen,
    vocabulary: description.vocabulary,
    tokenizer: () => {
      tokenizer ??= modelTokenizer(model);
      return tokenizer;
    },
  };
  const hasGeneral = recipe.general.length > 0 || recipe.tasks.length === 0;
  const allWeights = roleWeights([...(hasGeneral ? [GENERAL] : []), ...recipe.tasks.map(({ name }) => name)], recipe.weights);
  const roles: RoleData[] = [];
  if (needs.length > 0) {
    for (const { role, sources } of wantedRoles(recipe, fuser, allWeights)) roles.push(await loadRole(role, sources, recipe, context));
  }
  const weights = shareOf(
    roles.map(({ role }) => role),
    allWeights,
  );
  const warnings = roles.flatMap((role) => role.warnings);
  const linears = sections.flatMap((section) => section.linears);
  return {
    recipe,
    model,
    description,
    sections,
    scorer,
    fuser,
    needs,
    roles,
    weights,
    preferredTokens,
    memoryBytes,
    pluginHashes: parts.pluginHashes ?? {},
    replace,
    warnings,
    summary: {
      model: model.source,
      modelType: description.modelType,
      blocks: description.blocks.length,
      parameters: [...model.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      layers: linears.length,
      prunable: linears.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0),
      pruned: recipe.pattern ? 1 - recipe.pattern.keep / recipe.pattern.of : (recipe.sparsity as number), // a checked recipe has one of the two
      roles: roles.map(({ role, sources, sequences, tokens }) => ({
        role,
        weight: weights.get(role) as number,
        sources,
        sequences: sequences.length,
        tokens,
      })),
      ...estimate({ model, description, sections, needs, roles, recipe, preferredTokens, memoryBytes }),
      warnings,
    },
  };
}

/** The bytes of memory that this process may use: the machine's, or its container's. */
function machineMemory(): number {
  const allowed = process.constrainedMemory?.() ?? 0;
  return allowed > 0 && allowed < totalmem() ? allowed : totalmem();
}

/** Needs of one id once, in order. */
function uniqueNeeds(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [need.id, need])).values()];
}

function checkSelection({ selection }: Scorer | Solver, { scorer, pattern }: Recipe): void {
  if (pattern || selection.group === "row" || selection.group === "matrix") return;
  throw new SecateurError(
    "unsupported",
    `with ${scorer} weights compete within each ${selection.group}; a ratio is chosen within a row or a matrix only`,
  );
}

/** The roles whose data the fuser reads, with a weight above 0 where one of them has; a clear error when text is missing. */
function wantedRoles(
  { general, tasks, scorer, fusion }: Recipe,
  fuser: Fuser,
  weights: ReadonlyMap<Role, number>,
): { role: Role; sources: readonly DataSource[] }[] {
  const roles: { role: Role; sources: readonly DataSource[] }[] = [];
  if (fuser.reads !== "tasks") {
    if (general.length === 0) {
      throw new SecateurError(
        "usage",
        `no general text is given, and ${scorer} with fusion ${fusion} reads it: name a file with --general, such as --general c4.jsonl`,
      );
    }
    roles.push({ role: GENERAL, sources: general });
  }
  if (fuser.reads !== "general") {
    if (tasks.length === 0)
      throw new SecateurError("usage", `fusion ${fusion} reads a task's data: name a file with --task, such as --task math=gsm8k.jsonl`);
    roles.push(...tasks.map((task) => ({ role: task.name, sources: [task] })));
  }
  const heavy = roles.filter(({ role }) => (weights.get(role) ?? 0) > 0);
  return heavy.length > 0 ? heavy : roles;
}

/** The weights of the roles at hand, summing to 1. */
function shareOf(roles: readonly Role[], weights: ReadonlyMap<Role, number>): Map<Role, number> {
  const sum = roles.reduce((total, role) => total + (weights.get(role) ?? 0), 0);
  return new Map(roles.map((role) => [role, sum > 0 ? (weights.get(role) ?? 0) / sum : 1 / roles.length]));
}

function checkPattern(recipe: Recipe, sections: readonly Section[]): void {
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

function chooseSeqLen(recipe: Recipe, { positions }: ModelDescription): number {
  if (recipe.seqLen !== undefined && recipe.seqLen > positions) {
    throw new SecateurError("usage", `--seq-len ${recipe.seqLen} is longer than the model's ${positions} positions`);
  }
  return recipe.seqLen ?? Math.min(2048, positions);
}

/** A hash of what decides the bytes of a run's result; it keys the journal of an interrupted run. */
export function planKey(plan: Plan, modelHash: string, backend: Backend["description"], version: string): string {
  const { recipe, roles, weights, preferredTokens, pluginHashes } = plan;
  const { general: _general, tasks: _tasks, model: _model, ...settings } = recipe;
  const data = roles.map(({ role, hash }) => ({ role, hash, weight: weights.get(role) }));
  const key = { settings, model: modelHash, data, backend, preferredTokens, pluginHashes, version };
  return `sha256:${createHash("sha256").update(JSON.stringify(key)).digest("hex")}`;
}
