import { setImmediate as afterOthers } from "node:timers/promises";
import { type Backend, type OpenModel, SecateurError, throwIfCancelled } from "@secateur/kit";
import { byteSize, type Tensor } from "@secateur/tensor";
import { allocateCounts, type Counts } from "./allocation.ts";
import type { Emit } from "./events.ts";
import type { Plan } from "./plan.ts";
import { createPluginGuard } from "./plugin-guard.ts";
import { createPooler } from "./pooled.ts";
import { type LayerContext, type LayerReport, pruneLayer } from "./prune-layer.ts";
import { rankCounts } from "./ranking.ts";
import { readingWalk } from "./reading-walk.ts";
import { denseScores } from "./scores.ts";
import { statsOf, type Walk } from "./walk.ts";

/** What a plan makes of its model, to be read without being written. It is read while the plan is open, and needs no closing of its own. */
export interface PrunedModel {
  /** The model with its pruned weights. It has no hash, since its weights are not known before they are read. */
  readonly model: OpenModel;
  /** What pruning did to each layer; those that nobody has read yet are pruned for it. */
  layers(): Promise<readonly LayerReport[]>;
}

/** How a model is pruned where it is read. */
export interface PrunedModelOptions {
  readonly backend: Backend;
  /** Pruned weights are held up to so many bytes; past it a section is pruned again when it is read again. Default: the plan's memory. */
  readonly memoryBytes?: number;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
}

interface PrunedSection {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly reports: readonly LayerReport[];
}

/** Prunes the sections of a plan over kept statistics when they are first read: the weights are those that `prune` would write. Throws SecateurError `unsupported` for a plan whose data has yet to pass the model. */
export async function openPruned(plan: Plan, options: PrunedModelOptions): Promise<PrunedModel> {
  const { statistics, model, sections } = plan;
  if (!statistics) throw new SecateurError("unsupported", "a model is pruned in memory from kept statistics, and the recipe names none");
  const { backend, memoryBytes = plan.memoryBytes, emit = () => {}, signal } = options;
  const context: Omit<LayerContext, "counts"> = {
    plan,
    backend,
    fused: createPooler(),
    mixed: createPooler(),
    guard: createPluginGuard(),
    dense: await denseScores(plan, statistics),
  };
  const counts = await chosenCounts();
  const walk = readingWalk(statistics, plan.roles);
  const sectionOf = new Map(sections.flatMap(({ linears }, index) => linears.map(({ tensor }) => [tensor, index] as const)));
  const reports = new Array<readonly LayerReport[] | undefined>(sections.length);
  const held = new Map<number, PrunedSection>();
  let bytes = 0;
  /** The section that was asked for last, whose tensors are read one after another, and the next one, which is pruned while the backend computes with the last. */
  const atWork = new Map<number, Promise<PrunedSection>>();
  let pruning: Promise<unknown> = Promise.resolve(); // one section at a time

  async function chosenCounts(): Promise<Counts | undefined> {
    const { ratios, ranking } = plan.method;
    // Statistics are kept, so that no hidden states need a scratch file.
    if (ratios) return allocateCounts(context, ratios, { emit, signal, scratch: "" });
    return ranking && rankCounts(context, { emit, signal });
  }

  function start(index: number): Promise<PrunedSection> {
    const known = atWork.get(index);
    if (known) return known;
    const section = pruning.then(() => pruneSection({ ...context, counts }, walk, index, signal));
    atWork.set(index, section);
    pruning = section.catch(() => atWork.delete(index)); // whoever asks for it prunes it again, and hears what is wrong
    return section;
  }

  async function sectionAt(index: number): Promise<PrunedSection> {
    const known = held.get(index);
    if (known) return known;
    const section = await start(index);
    reports[index] = section.reports;
    for (const other of atWork.keys()) if (other !== index && other !== index + 1) atWork.delete(other);
    const size = [...section.tensors.values()].reduce((sum, tensor) => sum + byteSize(tensor), 0);
    if (!held.has(index) && bytes + size <= memoryBytes) {
      held.set(index, section);
      bytes += size;
    }
    if (index + 1 < sections.length && !held.has(index + 1)) start(index + 1);
    return section;
  }

  return {
    model: {
      ...model,
      async read(name) {
        const index = sectionOf.get(name);
        if (index === undefined) return model.read(name);
        return (await sectionAt(index)).tensors.get(name) as Tensor; // one of the section's
      },
      async readRows(name, rows) {
        if (sectionOf.has(name)) throw new SecateurError("unsupported", `rows of ${name} were asked for, which is pruned as a whole`);
        return model.readRows(name, rows);
      },
      async hash() {
        throw new SecateurError("unsupported", "a model that is pruned where it is read has no hash");
      },
      async close() {},
    },
    async layers() {
      for (const index of sections.keys()) reports[index] ??= (await sectionAt(index)).reports;
      return reports.flatMap((section) => section ?? []);
    },
  };
}

async function pruneSection(context: LayerContext, walk: Walk, index: number, signal: AbortSignal | undefined): Promise<PrunedSection> {
  const { plan } = context;
  const section = plan.sections[index] as Plan["sections"][number]; // one of the plan's
  const { steps, share } = plan.passes[index] as Plan["passes"][number]; // one a section
  // What reads the section before it, or computes with it, comes first, here and after each layer.
  await afterOthers();
  const weights = await walk.load(section, (name) => plan.model.read(name));
  const tensors = new Map<string, Tensor>();
  const reports: LayerReport[] = [];
  for (const step of steps) {
    const stats = await walk.collect({ index, share }, step, weights, plan.needs);
    for (const target of step.targets) {
      throwIfCancelled(signal);
      await afterOthers();
      const { name } = target.weight;
      const weight = weights.tensors.get(name) as Tensor; // loaded with its section
      const { tensor, report } = await pruneLayer(context, target, weight, statsOf(name, stats));
      tensors.set(target.tensor, tensor);
      reports.push(report);
    }
  }
  return { tensors, reports };
}
