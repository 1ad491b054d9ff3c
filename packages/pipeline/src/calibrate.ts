import { createHash } from "node:crypto";
import {
  type Backend,
  type Format,
  GENERAL,
  gram,
  inputNorm,
  type Loader,
  type Need,
  type OpenModel,
  type Role,
  type RoleStats,
  SecateurError,
  type TensorFiles,
  throwIfCancelled,
} from "@secateur/kit";
import { describeModel } from "@secateur/models";
import {
  createStatistics,
  type Layout,
  layoutSize,
  orderRoles,
  type Shard,
  type StatisticsHeader,
  type StatisticsSink,
} from "@secateur/statistics";
import { checkWeights } from "./check-weights.ts";
import { loadRoles, type RoleData } from "./data.ts";
import { type Estimate, estimate } from "./estimate.ts";
import type { Emit } from "./events.ts";
import { shownPath } from "./manifest.ts";
import { defaultMemory } from "./memory.ts";
import { checkOutputFile, checkSpace } from "./output.ts";
import { passesOf } from "./passes.ts";
import { type BasePlan, chooseSeqLen, countsOf, inputsOf, type Plan } from "./plan.ts";
import { type CalibrationRecipe, type DataSource, parseCalibration } from "./recipe.ts";
import { createSumShapes } from "./sum-shapes.ts";
import { type Section, selectTargets } from "./targets.ts";
import { startWalk, statsOf } from "./walk.ts";

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
    const needs: readonly Need[] = recipe.gram ? [inputNorm, gram] : [inputNorm];
    const data = await loadRoles(rolesOf(recipe), recipe, { loaders, model, description, seqLen });
    const passes = passesOf(sections, "none");
    const layout = layoutOf(sections, needs, data);
    const estimated = estimate({ model, description, sections, needs, roles: data, data, passes, preferredTokens, memoryBytes });
    const cost = { ...estimated, diskBytes: 8 * layoutSize(layout) };
    if (out) await checkSpace(out.path, cost.diskBytes + cost.scratchBytes);
    const warnings = data.flatMap((role) => role.warnings);
    const roles = data.map(({ role, sources, count, tokens }) => ({ role, sources, sequences: count, tokens }));
    return {
      model,
      description,
      sections,
      needs,
      data,
      passes,
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
    await collectAll(plan, sink, options, emit);
    await sink.close();
  } catch (error) {
    await sink.discard();
    throw error;
  }
  return header;
}

async function collectAll(
  plan: CalibrationPlan,
  sink: StatisticsSink,
  { out, backend, signal }: CalibrateOptions,
  emit: Emit,
): Promise<void> {
  const walk = await startWalk(plan, backend, { emit, signal, scratch: `${out}.scratch` });
  try {
    for (const [index, section] of plan.sections.entries()) {
      throwIfCancelled(signal);
      const { steps, share } = plan.passes[index] as (typeof plan.passes)[number]; // one a section
      const weights = await walk.load(section, (name) => plan.model.read(name));
      try {
        for (const step of steps) {
          const stats = await walk.collect({ index, share }, step, weights, plan.needs);
          for (const [first] of sharing(section)) {
            for (const [role, of] of statsOf(first.weight.name, stats)) await writeAll(sink, role, first.tensor, plan.needs, of);
          }
        }
      } finally {
        weights.release();
      }
    }
  } finally {
    await walk.release();
  }
}

async function writeAll(sink: StatisticsSink, role: Role, tensor: string, needs: readonly Need[], stats: RoleStats): Promise<void> {
  for (const need of needs) await sink.write({ role, tensor, need: need.id }, stats.get(need));
}

function rolesOf({ general, tasks }: CalibrationRecipe): { role: Role; sources: readonly DataSource[] }[] {
  const named = tasks.map((task) => ({ role: task.name, sources: [task] }));
  return general.length > 0 ? [{ role: GENERAL, sources: general }, ...named] : named;
}

/** The layers of a section that are pruned, those together that read the same. */
function sharing({ program, linears }: Section): [Section["linears"][number], ...Section["linears"]][] {
  return program.taps.flatMap((tap) => {
    const [first, ...others] = linears.filter(({ weight }) => tap.linears.some((linear) => linear.weight === weight.name));
    return first ? [[first, ...others]] : [];
  });
}

function layoutOf(sections: readonly Section[], needs: readonly Need[], data: readonly RoleData[]): Layout {
  const shapesOf = createSumShapes();
  return orderRoles(data).flatMap(({ role }) =>
    sections.flatMap((section) =>
      sharing(section).flatMap(([{ tensor, weight }]) =>
        needs.map((need) => ({ entry: { role, tensor, need: need.id }, shapes: shapesOf(section.program, weight.name, need) })),
      ),
    ),
  );
}

function makeHeader(
  { recipe, description, sections, data, needs, model }: CalibrationPlan,
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
  { promptWeight, samples, seqLen, pack, shuffle, seed }: CalibrationRecipe,
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
