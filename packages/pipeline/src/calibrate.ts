import { createHash } from "node:crypto";
import {
  type Backend,
  type Format,
  fisher,
  GENERAL,
  gram,
  inputNorm,
  type Loader,
  type Need,
  type OpenModel,
  outputGradient,
  type Role,
  regionalGradient,
  SecateurError,
  type TensorFiles,
  throwIfCancelled,
} from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { createStatistics, type Layout, orderRoles, type Shard, type StatisticsHeader } from "@secateur/statistics";
import { checkWeights } from "./check-weights.ts";
import { loadRoles, type RoleData } from "./data.ts";
import { checkDense, checkPredictions, collectDense, layoutOf, sharing } from "./dense-pass.ts";
import type { Estimate } from "./estimate.ts";
import { estimateDense } from "./estimate-dense.ts";
import type { Emit } from "./events.ts";
import { defaultMemory } from "./memory.ts";
import { checkOutputFile, checkSpace } from "./output.ts";
import { type BasePlan, countsOf, inputsOf, type Plan } from "./plan.ts";
import { type CalibrationRecipe, type DataSource, parseCalibration, type Recipe } from "./recipe.ts";
import { chooseSeqLen } from "./seq-len.ts";
import { shownPath } from "./shown-path.ts";
import { selectTargets } from "./targets.ts";

/** The parts that a calibration works with. */
export interface CalibrationParts {
  readonly format: Format;
  readonly loaders: readonly Loader[];
  /** The tokens that one run of the backend should hold. */
  readonly preferredTokens: number;
  /** Hidden states past so many bytes go to a scratch file beside the output; half of the machine's memory when left out. */
  readonly memoryBytes?: number | undefined;
}

/** A checked calibration. */
export interface CalibrationPlan extends BasePlan {
  readonly recipe: CalibrationRecipe;
  readonly layout: Layout;
  readonly summary: Estimate &
    Omit<Plan["summary"], "pruned" | "roles" | "warnings" | keyof Estimate> & {
      readonly roles: readonly {
        readonly role: Role;
        readonly sources: readonly string[];
        readonly sequences: number;
        readonly tokens: number;
      }[];
      readonly warnings: readonly string[];
    };
}

/** Checks a calibration against the model's headers, the data and the place for the output. No weight is read, nothing is written. Whoever plans closes the plan. */
export async function planCalibration(
  given: CalibrationRecipe,
  parts: CalibrationParts,
  out: { readonly path: string; readonly force: boolean } | undefined,
): Promise<CalibrationPlan> {
  if (out) await checkOutputFile(out.path, inputsOf(given), out.force);
  const model = await parts.format.open(given.model);
  try {
    const { preferredTokens, memoryBytes = defaultMemory(), loaders } = parts;
    const description = describeModel(model);
    const sections = selectTargets(description, given.include, given.exclude);
    const seqLen = chooseSeqLen(given.seqLen, description);
    const recipe = parseCalibration({ ...given, seqLen });
    const needs = needsOf(recipe);
    checkDense(sections, description, needs);
    const data = await loadRoles(rolesOf(recipe), recipe, { loaders, model, description, seqLen });
    checkPredictions(data, needs);
    const layout = layoutOf(sections, needs, data);
    const cost = estimateDense({ model, description, sections, needs, roles: data, data, preferredTokens, memoryBytes }, layout);
    if (out) await checkSpace(out.path, cost.diskBytes + cost.scratchBytes);
    const warnings = data.flatMap((role) => role.warnings);
    const roles = data.map(({ role, sources, count, tokens }) => ({ role, sources, sequences: count, tokens }));
    return {
      model,
      description,
      sections,
      needs,
      data,
      preferredTokens,
      memoryBytes,
      replace: out?.force ?? false,
      warnings,
      recipe,
      layout,
      summary: { ...countsOf(model, description, sections), ...cost, roles, warnings },
      close: () => model.close(),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** How a planned calibration is carried out. */
export interface CalibrateOptions {
  readonly out: string;
  readonly files: TensorFiles;
  readonly backend: Backend;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  /** The version of the program, for the file's header. */
  readonly version: string;
}

/**
 * Carries out a calibration: one pass of every role's data through the dense model, whose statistics are written to one file. The file has its name only when
 * it is whole; nothing stays of an interrupted one. Throws SecateurError `cancelled` when the signal says so.
 */
export async function calibrate(plan: CalibrationPlan, options: CalibrateOptions): Promise<StatisticsHeader> {
  const { out, files, backend, signal, version } = options;
  const emit: Emit = options.emit ?? (() => {});
  for (const message of plan.warnings) emit({ type: "warning", message });
  const { model, sections } = plan;
  const check = (done: number): void =>
    emit({ type: "progress", phase: "check", block: 0, blocks: sections.length, done, total: model.tensors.size });
  await checkWeights(model, model.tensors.keys(), check, signal);
  const header = makeHeader(plan, await model.hash(), backend.description, version);
  throwIfCancelled(signal);
  const sink = await createStatistics(files, out, header, plan.layout, { force: plan.replace });
  try {
    await collectDense(plan, sink, backend, { emit, signal, scratch: `${out}.scratch`, total: plan.summary.work });
    await sink.close();
  } catch (error) {
    await sink.discard();
    throw error;
  }
  return header;
}

function needsOf(recipe: CalibrationRecipe): readonly Need[] {
  const asked: [boolean, Need][] = [
    [true, inputNorm],
    [recipe.gram, gram],
    [recipe.gradients || recipe.fisher, outputGradient],
    [recipe.fisher, fisher],
    [recipe.regional, regionalGradient],
  ];
  return asked.flatMap(([wanted, need]) => (wanted ? [need] : []));
}

function rolesOf({ general, tasks }: HeaderFacts["recipe"]): { role: Role; sources: readonly DataSource[] }[] {
  const named = tasks.map((task) => ({ role: task.name, sources: [task] }));
  return general.length > 0 ? [{ role: GENERAL, sources: general }, ...named] : named;
}

/** What the header of a file is made from. */
export type HeaderFacts = Pick<CalibrationPlan, "description" | "sections" | "data" | "needs" | "model"> & {
  readonly recipe: Pick<Recipe, "general" | "tasks" | "promptWeight" | "samples" | "seqLen" | "pack" | "shuffle" | "seed">;
};

/** What a statistics file says of itself. */
export function makeHeader(
  { recipe, description, sections, data, needs, model }: HeaderFacts,
  hash: string,
  backend: Backend["description"],
  version: string,
): StatisticsHeader {
  const read = data.some(({ endToken }) => endToken !== undefined);
  const sources = new Map(rolesOf(recipe).map(({ role, sources: of }) => [role, of]));
  return {
    version: 1,
    secateur: version,
    model: { hash, modelType: description.modelType },
    ...(read && { tokenizer: tokenizerHash(model) }),
    backend,
    needs: needs.map(({ id }) => id),
    roles: orderRoles(data).map((role) => ({ role: role.role, shards: [shardOf(role, recipe, sources.get(role.role) ?? [])] })),
    layers: Object.fromEntries(
      sections.flatMap((section) => sharing(section).flatMap((group) => group.map(({ tensor }) => [tensor, group[0].tensor]))),
    ),
  };
}

function shardOf(
  { hash, sources, count, tokens, counts, endToken }: RoleData,
  { promptWeight, samples, seqLen, pack, shuffle, seed }: HeaderFacts["recipe"],
  [first]: readonly DataSource[],
): Shard {
  const { template, fields } = first ?? {};
  const reading = { promptWeight, ...(template !== undefined && { template }), ...(fields && { fields }) };
  const sampling = { samples, seqLen: seqLen as number, ...(pack !== undefined && { pack }), shuffle, seed }; // a plan has chosen the length
  return { hash, sources: sources.map(shownPath), sequences: count, tokens, ...counts, ...(endToken && { endToken }), reading, sampling };
}

/** Of everything that turns text and messages into tokens. */
function tokenizerHash({ tokenizer, source }: OpenModel): string {
  if (!tokenizer) throw new SecateurError("internal", `${source} has no tokenizer, yet text was read with it`);
  return `sha256:${createHash("sha256").update(JSON.stringify(tokenizer)).digest("hex")}`;
}
