import { rm } from "node:fs/promises";
import { type Backend, type Format, throwIfCancelled, type WeightSink } from "@secateur/kit";
import type { LoadedWeights } from "@secateur/runner";
import type { Tensor } from "@secateur/tensor";
import { checkWeights } from "./check-weights.ts";
import { passesOf } from "./estimate.ts";
import type { Emit } from "./events.ts";
import { modelFolder, openPartial, writeJournal } from "./journal.ts";
import { type Manifest, makeManifest, type RunTimes, writeRunFiles } from "./manifest.ts";
import { checkOutput, partialFolder, publish } from "./output.ts";
import { inputsOf, type Plan, planKey } from "./plan.ts";
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
  const { backend, out, signal, version } = options;
  const emit: Emit = options.emit ?? (() => {});
  const times: RunTimes = { started: new Date(), phases: {}, resumedSections: 0 };
  await checkOutput(out, inputsOf(plan.recipe), plan.replace);
  emit({ type: "plan", plan: plan.summary });
  for (const message of plan.warnings) emit({ type: "warning", message });

  const modelHash = await timed(times, "check", () => checkModel(plan, emit, signal));
  throwIfCancelled(signal);
  const work = await openWork(plan, planKey(plan, modelHash, backend.description, version), options);
  times.resumedSections = work.sections.length;
  try {
    await pruneSections({ plan, work, backend, emit, times, signal });
    await timed(times, "write", () => copyRest(plan, work.sink, signal));
    throwIfCancelled(signal);
    await work.sink.close();
    const manifest = makeManifest(plan, { modelHash, version, backend: backend.description, layers: work.sections.flat() });
    await writeRunFiles(modelFolder(work.partial), manifest, times, plan.model);
    await checkOutput(out, inputsOf(plan.recipe), plan.replace); // something may have come there in the meantime
    await publish(work.partial, out);
    return manifest;
  } finally {
    await work.unlock();
  }
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
  unlock(): Promise<void>;
}

async function openWork(plan: Plan, key: string, { out, format, restart = false }: PruneOptions): Promise<Work> {
  const partial = partialFolder(out);
  const opened = await openPartial<readonly LayerReport[]>(partial, key, restart);
  const sections = [...opened.sections];
  const resume = new Set(sections.flat().map(({ tensor }) => tensor));
  try {
    await checkOutput(out, inputsOf(plan.recipe), plan.replace); // another run may have published while this one waited to begin
    const sink = await format.create(modelFolder(partial), plan.model, sections.length > 0 ? { resume } : {});
    return { partial, key, sink, sections, unlock: opened.unlock };
  } catch (error) {
    await opened.unlock();
    if (sections.length === 0) await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

interface Run {
  readonly plan: Plan;
  readonly work: Work;
  readonly backend: Backend;
  readonly emit: Emit;
  readonly times: RunTimes;
  readonly signal: AbortSignal | undefined;
}

async function pruneSections(run: Run): Promise<void> {
  const { plan, work, backend, emit, times, signal } = run;
  const blocks = plan.sections.length;
  const resumed = work.sections.length;
  const report = (block: number): void => {
    const sparsity = sparsityOf(work.sections[block] ?? []);
    emit({ type: "block", block, blocks, sparsity, resumed: block < resumed });
  };
  if (resumed === blocks) {
    for (const block of plan.sections.keys()) report(block);
    return;
  }
  const walk = await timed(times, "read", () => startWalk(plan, backend, emit, signal));
  try {
    for (const index of plan.sections.keys()) {
      throwIfCancelled(signal);
      await pruneSection(run, walk, index);
      report(index);
    }
  } finally {
    await walk.release();
  }
}

/** One section: statistics, pruning and writing unless an earlier run has done it, and the streams to its end. */
async function pruneSection({ plan, work, backend, times, signal }: Run, walk: Walk, index: number): Promise<void> {
  const section = plan.sections[index] as Section; // the index is one of the plan's
  const dense = plan.recipe.propagate === "none";
  const { collect, advance } = passesOf(plan.sections, plan.recipe.propagate)[index] as { collect: boolean; advance: boolean }; // one a section
  const finished = work.sections[index];
  const written = new Set(dense ? [] : finished?.map(({ tensor }) => tensor));
  const read = (name: string): Promise<Tensor> => (written.has(name) ? work.sink.readBack(name) : plan.model.read(name));
  const weights = await timed(times, "read", () => walk.load(section, read));
  try {
    // Where streams move on through dense weights, a finished section is run just as it was, so that the hidden states have the same bits.
    if (!finished || (dense && advance)) {
      const stats = await timed(times, "calibrate", () => walk.collect(index, weights, dense && advance));
      if (!finished) {
        const layers = await pruneLayers(section, weights, async (target, tensor) => {
          throwIfCancelled(signal);
          const result = await timed(times, "prune", () => pruneLayer(plan, target, tensor, statsOf(target.weight.name, stats), backend));
          await timed(times, "write", () => work.sink.write(target.tensor, result.tensor));
          return result;
        });
        await timed(times, "write", () => finishSection(work, layers));
      }
    } else if (collect) walk.skip(1);
    if (!dense && advance) await timed(times, "propagate", () => walk.propagate(index, weights));
  } finally {
    weights.release();
  }
}

/** Makes a section's work last before the journal says that it is done. */
async function finishSection(work: Work, layers: readonly LayerReport[]): Promise<void> {
  await work.sink.flush();
  work.sections.push(layers);
  await writeJournal(work.partial, { key: work.key, sections: work.sections });
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
