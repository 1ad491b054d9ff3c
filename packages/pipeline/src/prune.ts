import { rm } from "node:fs/promises";
import { type Backend, type Format, throwIfCancelled, type WeightSink } from "@secateur/kit";
import type { LoadedWeights } from "@secateur/runner";
import type { Tensor } from "@secateur/tensor";
import { checkWeights } from "./check-weights.ts";
import type { Emit } from "./events.ts";
import { type Manifest, makeManifest, type RunTimes, writeRunFiles } from "./manifest.ts";
import { clearPartial, partialFolder, publish, readJournal, removeJournal, writeJournal } from "./output.ts";
import { type Plan, planKey } from "./plan.ts";
import { type LayerReport, pruneLayer } from "./prune-layer.ts";
import type { Section } from "./targets.ts";
import { startWalk, statsOf, type Walk } from "./walk.ts";

/** How a planned run is carried out. */
export interface PruneOptions {
  readonly out: string;
  readonly format: Format;
  readonly backend: Backend;
  /** Discards an unfinished run instead of going on with it. */
  readonly restart?: boolean;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  /** The version of the program, for the manifest. */
  readonly version: string;
}

/**
 * Carries out a plan: reads data through the blocks, prunes each, and writes the model. Work goes to `OUT.partial` and takes the name `OUT` when it is
 * whole; an interrupted run with the same recipe goes on where it stopped and gives the same bytes. Throws SecateurError `cancelled` when the signal says so.
 */
export async function prune(plan: Plan, options: PruneOptions): Promise<Manifest> {
  const { backend, signal } = options;
  const emit: Emit = options.emit ?? (() => {});
  const times: RunTimes = { started: new Date(), phases: {}, resumedSections: 0 };
  emit({ type: "plan", plan: plan.summary });
  for (const message of plan.warnings) emit({ type: "warning", message });

  const modelHash = await timed(times, "check", () => checkModel(plan, emit, signal));
  const work = await openWork(plan, planKey(plan, modelHash, backend.description), options);
  times.resumedSections = work.sections.length;
  const walk = await timed(times, "read", () => startWalk(plan, backend, emit, signal));
  try {
    for (const index of plan.sections.keys())
      await pruneSection({ plan, index, walk, work, backend, emit, times, ...(signal && { signal }) });
    await timed(times, "write", () => copyRest(plan, work.sink, signal));
  } finally {
    await walk.release();
  }
  throwIfCancelled(signal);
  const manifest = makeManifest(plan, { modelHash, version: options.version, backend: backend.description, layers: work.sections.flat() });
  await work.sink.close();
  await writeRunFiles(work.partial, manifest, times);
  await removeJournal(work.partial);
  await publish(work.partial, options.out);
  return manifest;
}

async function checkModel(plan: Plan, emit: Emit, signal: AbortSignal | undefined): Promise<string> {
  const total = plan.model.tensors.size;
  const onTensor = (done: number): void => emit({ type: "progress", phase: "check", block: 0, blocks: plan.sections.length, done, total });
  await checkWeights(plan.model, plan.model.tensors.keys(), onTensor, signal);
  return plan.model.hash();
}

/** The unfinished output: its folder, its files, and what has been done to each finished section. */
interface Work {
  readonly partial: string;
  readonly key: string;
  readonly sink: WeightSink;
  readonly sections: (readonly LayerReport[])[];
}

async function openWork(plan: Plan, key: string, { out, format, restart }: PruneOptions): Promise<Work> {
  const partial = partialFolder(out);
  if (restart) await rm(partial, { recursive: true, force: true });
  const journal = await readJournal<readonly LayerReport[]>(partial, key);
  const sections = [...(journal?.sections ?? [])];
  // The journal is there before any other file, so that a folder that was left can be told from one that is somebody's.
  if (sections.length === 0) await clearPartial(partial, { key, sections });
  const sink = await format.create(
    partial,
    plan.model,
    sections.length > 0 ? { resume: new Set(sections.flat().map(({ tensor }) => tensor)) } : {},
  );
  return { partial, key, sink, sections };
}

interface SectionRun {
  readonly plan: Plan;
  readonly index: number;
  readonly walk: Walk;
  readonly work: Work;
  readonly backend: Backend;
  readonly emit: Emit;
  readonly times: RunTimes;
  readonly signal?: AbortSignal;
}

/** One section: statistics, pruning and writing unless an earlier run has done it, and the streams to its end. */
async function pruneSection({ plan, index, walk, work, backend, emit, times, signal }: SectionRun): Promise<void> {
  throwIfCancelled(signal);
  const section = plan.sections[index] as Section; // the index is one of the plan's
  const last = index === plan.sections.length - 1;
  const dense = plan.recipe.propagate === "none";
  const finished = work.sections[index];
  const pruned = new Set(finished && !dense ? finished.map(({ tensor }) => tensor) : []);
  const weights = await timed(times, "read", () =>
    walk.load(section, (name) => (pruned.has(name) ? work.sink.readBack(name) : plan.model.read(name))),
  );

  // Where streams move on through dense weights, a finished section is run just as it was, so that the hidden states have the same bits.
  let layers = finished;
  if (!finished || (dense && !last)) {
    const stats = await timed(times, "calibrate", () => walk.collect(index, weights, dense && !last));
    layers ??= await pruneLayers(section, weights, async (target, tensor) => {
      throwIfCancelled(signal);
      const result = await timed(times, "prune", () => pruneLayer(plan, target, tensor, statsOf(target.weight.name, stats), backend));
      await timed(times, "write", () => work.sink.write(target.tensor, result.tensor));
      return result;
    });
  } else walk.skip(1);
  if (!finished && layers) {
    await timed(times, "write", async () => {
      await work.sink.flush();
      work.sections.push(layers as readonly LayerReport[]);
      await writeJournal(work.partial, { key: work.key, sections: work.sections });
    });
  }
  if (!dense && !last) await timed(times, "propagate", () => walk.propagate(index, weights));
  weights.release();
  emit({ type: "block", block: index, blocks: plan.sections.length, sparsity: sparsityOf(layers ?? []), resumed: finished !== undefined });
}

async function pruneLayers(
  section: Section,
  weights: LoadedWeights,
  pruneOne: (target: Section["linears"][number], tensor: Tensor) => Promise<{ tensor: Tensor; report: LayerReport }>,
): Promise<LayerReport[]> {
  const reports: LayerReport[] = [];
  for (const target of section.linears) {
    const { tensor, report } = await pruneOne(target, weights.tensors.get(target.weight.name) as Tensor); // loaded with its program
    weights.replace(target.weight.name, tensor);
    reports.push(report);
  }
  return reports;
}

async function copyRest(plan: Plan, sink: WeightSink, signal: AbortSignal | undefined): Promise<void> {
  const targets = new Set(plan.sections.flatMap(({ linears }) => linears.map(({ tensor }) => tensor)));
  for (const name of plan.model.tensors.keys()) {
    throwIfCancelled(signal);
    if (!targets.has(name)) await sink.copy(name);
  }
}

/** The share of zeros over some layers. */
export function sparsityOf(layers: readonly LayerReport[]): number {
  const size = layers.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  return size === 0 ? 0 : layers.reduce((sum, { zeros }) => sum + zeros, 0) / size;
}

async function timed<T>(times: RunTimes, phase: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    times.phases[phase] = (times.phases[phase] ?? 0) + performance.now() - start;
  }
}
