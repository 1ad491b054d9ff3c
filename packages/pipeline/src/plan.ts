import { createHash } from "node:crypto";
import { statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { costOf } from "@secateur/graph";
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
import { planBatches } from "@secateur/runner";
import { byteSize } from "@secateur/tensor";
import { modelTokenizer, type Tokenizer } from "@secateur/text";
import { loadRole, type RoleData } from "./data.ts";
import { checkOutput } from "./output.ts";
import { type DataSource, type Recipe, roleWeights } from "./recipe.ts";
import { type Section, selectTargets } from "./targets.ts";

/** The parts that a recipe's names stand for; the app resolves them. */
export interface Parts {
  readonly format: Format;
  readonly loaders: readonly Loader[];
  readonly scorer: Scorer | Solver;
  readonly fuser: Fuser;
  /** The tokens that one run of the backend should hold. */
  readonly preferredTokens: number;
}

/** A checked run: everything that can be known before a weight is read. */
export interface Plan {
  readonly recipe: Recipe;
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly sections: readonly Section[];
  readonly scorer: Scorer;
  readonly fuser: Fuser;
  readonly needs: readonly Need[];
  /** Roles with their data, `general` first; empty when neither scorer nor fuser reads statistics. */
  readonly roles: readonly RoleData[];
  readonly weights: ReadonlyMap<Role, number>;
  readonly preferredTokens: number;
  readonly warnings: readonly string[];
  readonly summary: {
    readonly model: string;
    readonly modelType: string;
    readonly blocks: number;
    readonly parameters: number;
    readonly layers: number;
    readonly prunable: number;
    readonly pruned: number;
    readonly roles: readonly {
      readonly role: Role;
      readonly weight: number;
      readonly sources: readonly string[];
      readonly sequences: number;
      readonly tokens: number;
    }[];
    readonly flops: number;
    readonly memoryBytes: number;
    readonly diskBytes: number;
    /** Tokens through blocks over the whole run, padding included. */
    readonly work: number;
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
  const scorer = refuseSolver(parts.scorer, recipe.scorer);
  if (out) await checkOutput(out.path, recipe.model, out.force);
  const model = await parts.format.open(recipe.model);
  try {
    return await planOpened(recipe, parts, scorer, model, out?.path);
  } catch (error) {
    await model.close();
    throw error;
  }
}

async function planOpened(recipe: Recipe, parts: Parts, scorer: Scorer, model: OpenModel, out: string | undefined): Promise<Plan> {
  const description = describeModel(model);
  const sections = selectTargets(description, recipe.include, recipe.exclude);
  checkPattern(recipe, sections);
  const seqLen = chooseSeqLen(recipe, description);
  const needs = uniqueNeeds([...scorer.needs, ...parts.fuser.needs]);
  let tokenizer: Tokenizer | undefined;
  const context = {
    loaders: parts.loaders,
    seqLen,
    tokenizer: () => {
      tokenizer ??= modelTokenizer(model);
      return tokenizer;
    },
  };
  const weights = roleWeights(
    [...(recipe.general.length > 0 || recipe.tasks.length === 0 ? [GENERAL] : []), ...recipe.tasks.map(({ name }) => name)],
    recipe.weights,
  );
  const roles: RoleData[] = [];
  if (needs.length > 0) {
    for (const { role, sources } of wantedRoles(recipe, parts.fuser, weights)) roles.push(await loadRole(role, sources, recipe, context));
  }
  const warnings = roles.flatMap((role) => role.warnings);
  const full = { ...recipe, seqLen };
  const cost = estimate(description, sections, roles, full, parts.preferredTokens);
  const diskBytes = outputBytes(model);
  if (out !== undefined) await checkSpace(out, diskBytes);
  const prunable = sections.flatMap(({ linears }) => linears.map(({ shape }) => shape[0] * shape[1])).reduce((a, b) => a + b, 0);
  const ratio = recipe.pattern ? 1 - recipe.pattern.keep / recipe.pattern.of : (recipe.sparsity ?? 0);
  return {
    recipe: full,
    model,
    description,
    sections,
    scorer,
    fuser: parts.fuser,
    needs,
    roles,
    weights,
    preferredTokens: parts.preferredTokens,
    warnings,
    summary: {
      model: model.source,
      modelType: description.modelType,
      blocks: description.blocks.length,
      parameters: [...model.tensors.values()].reduce((sum, { shape }) => sum + shape.reduce((a, b) => a * b, 1), 0),
      layers: sections.reduce((sum, { linears }) => sum + linears.length, 0),
      prunable,
      pruned: ratio,
      roles: roles.map(({ role, sources, sequences, tokens }) => ({
        role,
        weight: weights.get(role) ?? 0,
        sources,
        sequences: sequences.length,
        tokens,
      })),
      ...cost,
      diskBytes,
      warnings,
    },
  };
}

function refuseSolver(scorer: Scorer | Solver, name: string): Scorer {
  if ("score" in scorer) return scorer;
  throw new SecateurError("unsupported", `${name} changes the weights that stay; only scorers, which choose among them, can be run`);
}

/** Needs of one id once, in order. */
function uniqueNeeds(needs: readonly Need[]): Need[] {
  return [...new Map(needs.map((need) => [need.id, need])).values()];
}

/** The roles whose data the fuser reads, with a weight above 0; a clear error when text is missing. */
function wantedRoles(recipe: Recipe, fuser: Fuser, weights: ReadonlyMap<Role, number>): { role: Role; sources: readonly DataSource[] }[] {
  const roles: { role: Role; sources: readonly DataSource[] }[] = [];
  if (fuser.reads !== "tasks") {
    if (recipe.general.length === 0) {
      throw new SecateurError(
        "usage",
        `no general text is given, and ${recipe.scorer} with fusion ${recipe.fusion} reads it: name a file with --general, such as --general c4.jsonl`,
      );
    }
    roles.push({ role: GENERAL, sources: recipe.general });
  }
  if (fuser.reads !== "general") {
    if (recipe.tasks.length === 0)
      throw new SecateurError(
        "usage",
        `fusion ${recipe.fusion} reads a task's data: name a file with --task, such as --task math=gsm8k.jsonl`,
      );
    const byName = new Map<string, readonly DataSource[]>();
    for (const { name, ...source } of recipe.tasks) byName.set(name, [...(byName.get(name) ?? []), source]);
    for (const [role, sources] of byName) roles.push({ role, sources });
  }
  return roles.filter(({ role }) => (weights.get(role) ?? 0) > 0 || fuser.reads !== "all");
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

// Node, the runtime and its libraries before any model is opened; seen on Linux.
const BASE_BYTES = 200 * 2 ** 20;

/** Floating-point operations, peak memory and work of a run, from shapes alone. */
function estimate(
  description: ModelDescription,
  sections: readonly Section[],
  roles: readonly RoleData[],
  recipe: Recipe,
  preferredTokens: number,
): { flops: number; memoryBytes: number; work: number } {
  let [flops, work, states, activations] = [0, 0, 0, 0];
  const passes = recipe.propagate === "block" ? 2 * sections.length - 1 : sections.length;
  for (const { sequences } of roles) {
    for (const { members, tokens } of planBatches(
      sequences.map(({ ids }) => ids.length),
      preferredTokens,
    )) {
      const size = { batch: members.length, tokens };
      const cost = costOf((sections[0] as Section).program, size);
      flops += cost.flops * passes;
      work += members.length * tokens * passes;
      states += members.length * tokens * description.hidden * 4;
      activations = Math.max(activations, cost.peakBytes);
    }
  }
  const weightBytes = Math.max(...sections.map(({ program }) => costOf(program, { batch: 1, tokens: 1 }).weightBytes));
  return { flops, work, memoryBytes: Math.round(BASE_BYTES + states + 2 * activations + 3 * weightBytes) };
}

function outputBytes(model: OpenModel): number {
  const weights = [...model.tensors.values()].reduce((sum, info) => sum + byteSize(info), 0);
  return weights + model.files.reduce((sum, { bytes }) => sum + bytes, 0);
}

async function checkSpace(out: string, bytes: number): Promise<void> {
  for (let folder = out; ; folder = dirname(folder)) {
    const disk = await statfs(folder).catch(() => undefined);
    if (disk) {
      const free = disk.bavail * disk.bsize;
      if (free < bytes)
        throw new SecateurError("io", `${out} needs ${bytes} bytes, the disk there has ${free} free`, { where: { file: out } });
      return;
    }
    if (dirname(folder) === folder) return;
  }
}

/** A hash of what decides the bytes of a run's result; it keys the journal of an interrupted run. */
export function planKey(plan: Plan, modelHash: string, backend: Backend["description"]): string {
  const { recipe, roles, weights, preferredTokens } = plan;
  const { general: _general, tasks: _tasks, model: _model, ...settings } = recipe;
  const data = roles.map(({ role, hash }) => ({ role, hash, weight: weights.get(role) }));
  const key = { settings, model: modelHash, data, backend, preferredTokens };
  return `sha256:${createHash("sha256").update(JSON.stringify(key)).digest("hex")}`;
}
