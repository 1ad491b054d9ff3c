import { rm } from "node:fs/promises";
import { type Backend, type Format, type Role, throwIfCancelled, type WeightSink } from "@secateur/kit";
import type { BlockStats, LoadedWeights } from "@secateur/runner";
import { createStatistics, type OpenStatistics, openStatistics } from "@secateur/statistics";
import type { Tensor } from "@secateur/tensor";
import { allocateCounts, type Counts } from "./allocation.ts";
import { makeHeader } from "./calibrate.ts";
import { checkWeights } from "./check-weights.ts";
import { collectDense, readsGradients } from "./dense-pass.ts";
import type { Emit } from "./events.ts";
import { hasStatistics, modelFolder, openPartial, scratchFile, statisticsFile, writeJournal } from "./journal.ts";
import { type Manifest, makeManifest, type RunTimes, writeReport, writeRunFiles } from "./manifest.ts";
import { type Measuring, measureBoth, type Quality } from "./measuring.ts";
import { checkOutput, partialFolder, publish } from "./output.ts";
import type { Passes, Step } from "./passes.ts";
import { inputsOf, type Plan, planKey } from "./plan.ts";
import { createPluginGuard } from "./plugin-guard.ts";
import { createPooler } from "./pooled.ts";
import { type LayerReport, pruneLayer, sparsityOf } from "./prune-layer.ts";
import { rankCounts } from "./ranking.ts";
import { readingWalk } from "./reading-walk.ts";
import { denseScores, type ScoreContext } from "./scores.ts";
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
  /** Makes a page of the manifest, which goes into the output as `report.html`. What it throws is a warning: no page is worth a run. */
  readonly report?: (manifest: Manifest) => Promise<string>;
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
  const work: Work = await openWork(plan, planKey(plan, modelHash, backend.description, version), options);
  times.resumedSections = work.sections.length;
  const failed = new AbortController();
  // What is copied as it is has the whole run to get there.
  const copying = copyRest(plan, work.sink, AbortSignal.any([failed.signal, ...(signal ? [signal] : [])]));
  copying.catch(() => {}); // thrown where it is waited for
  try {
    const dense = await openDense(plan, work, { backend, emit, times, signal, modelHash, version });
    try {
      const scored = dense && (await denseScores(plan, dense));
      await pruneSections({
        plan,
        work,
        backend,
        emit,
        times,
        signal,
        fused: createPooler(),
        mixed: createPooler(),
        guard: createPluginGuard(),
        dense: scored,
      });
    } finally {
      if (dense !== plan.statistics) await dense?.close();
    }
    await timed(times, "write", () => copying);
    throwIfCancelled(signal);
    await work.sink.close();
    const { measuring } = plan;
    const quality = measuring && (await timed(times, "measure", () => measureOutput(plan, measuring, work, options)));
    const layers = work.sections.flat();
    const manifest = makeManifest(plan, { modelHash, version, backend: backend.description, layers, quality });
    await writeRunFiles(modelFolder(work.partial), manifest, times, plan.model);
    if (options.report) await writeReport(modelFolder(work.partial), options.report, manifest, emit);
    await checkOutput(out, inputsOf(plan.recipe), plan.replace); // something may have come there in the meantime
    await publish(work.partial, out);
    return manifest;
  } finally {
    failed.abort();
    await copying.catch(() => {});
    await work.unlock();
  }
}

/** Measures the model as it was, and as it lies ready to be published. */
async function measureOutput(
  { model }: Plan,
  measuring: Measuring,
  { partial }: Work,
  { format, backend, signal, emit }: PruneOptions,
): Promise<Quality[]> {
  const pruned = await format.open(modelFolder(partial));
  try {
    return await measureBoth(measuring, [model, pruned], {
      backend,
      signal,
      onProgress: (variant, data, share) => emit?.({ type: "measure", variant, data, share }),
    });
  } finally {
    await pruned.close();
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
  /** What an allocator has chosen. */
  counts: Counts | undefined;
  /** The last finished section on its way to the disk and into the journal. */
  lasting: Promise<void>;
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
    return { partial, key, sink, sections, counts: opened.counts, lasting: Promise.resolve(), unlock: opened.unlock };
  } catch (error) {
    await opened.unlock();
    if (sections.length === 0) await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

interface Run extends ScoreContext {
  readonly work: Work;
  readonly emit: Emit;
  readonly times: RunTimes;
  readonly signal: AbortSignal | undefined;
}

/** The statistics of the dense model that scores are made of: kept ones, those of an interrupted run, or collected now. */
async function openDense(
  plan: Plan,
  { partial, sections }: Work,
  {
    backend,
    emit,
    times,
    signal,
    modelHash,
    version,
  }: Pick<Run, "backend" | "emit" | "times" | "signal"> & { readonly modelHash: string; readonly version: string },
): Promise<OpenStatistics | undefined> {
  if (plan.statistics) return plan.statistics;
  if (!plan.dense || sections.length === plan.sections.length) return undefined;
  const { needs, layout } = plan.dense;
  const path = statisticsFile(partial);
  if (!(await hasStatistics(partial))) {
    const header = makeHeader({ ...plan, needs }, modelHash, backend.description, version);
    const sink = await createStatistics(plan.statisticsFiles, path, header, layout);
    try {
      const scratch = scratchFile(partial);
      const phase = readsGradients(needs) ? "gradients" : "calibrate";
      await timed(times, phase, () =>
        collectDense({ ...plan, needs }, sink, backend, { emit, signal, scratch, phase, total: plan.summary.work }),
      );
      await sink.close();
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }
  return openStatistics(plan.statisticsFiles, path);
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
  const scratch = scratchFile(work.partial);
  const { ratios, ranking } = plan.method;
  const before = plan.dense?.cost.work ?? 0;
  if (ratios) work.counts ??= await timed(times, "allocate", () => allocateCounts(run, ratios, { emit, signal, scratch, done: before }));
  if (ranking) work.counts ??= await timed(times, "allocate", () => rankCounts(run, { emit, signal }));
  const done = before + (plan.summary.allocation?.work ?? 0);
  const kept = plan.statistics ?? (plan.method.walkNeeds.length === 0 ? run.dense?.statistics : undefined);
  const walk = await timed(times, "read", async () =>
    kept ? readingWalk(kept, plan.roles) : startWalk(plan, backend, { emit, signal, scratch, done }),
  );
  try {
    for (const [index, section] of plan.sections.entries()) {
      throwIfCancelled(signal);
      await pruneSection(run, walk, index, section, plan.passes[index] as Passes); // one a section
      report(index);
    }
    await timed(times, "write", () => work.lasting);
  } finally {
    await walk.release();
    await work.lasting.catch(() => {}); // the run has failed with something else already
  }
}

/** One section: statistics, pruning and writing unless an earlier run has done it, and the streams to its end. */
async function pruneSection(run: Run, walk: Walk, index: number, section: Section, passes: Passes): Promise<void> {
  const { plan, work, times } = run;
  const { steps, rest, share } = passes;
  const at = { index, share };
  const finished = work.sections[index];
  // Where streams see dense weights only, a finished section is walked with these again.
  const written = new Set(plan.recipe.propagate === "none" ? [] : finished?.map(({ tensor }) => tensor));
  const read = (name: string): Promise<Tensor> => (written.has(name) ? work.sink.readBack(name) : plan.model.read(name));
  const weights = await timed(times, "read", () => walk.load(section, read));
  try {
    const layers: LayerReport[] = [];
    for (const step of steps) {
      // Where a step moves the streams on, a finished section's are moved by the same program, so that they have the same bits.
      if (finished && !step.advance) walk.skip(at);
      else {
        const stats = await timed(times, "calibrate", () => walk.collect(at, step, weights, plan.needs));
        if (!finished) layers.push(...(await pruneStep(run, step, weights, stats)));
      }
    }
    if (!finished) await timed(times, "write", () => finishSection(work, layers));
    if (rest) await timed(times, "propagate", () => walk.propagate(at, rest, weights));
  } finally {
    weights.release();
  }
}

/** Prunes and writes the layers of a step; what comes after them in the section runs with the pruned ones, unless its streams see dense weights only. */
async function pruneStep(
  run: Run,
  { targets }: Step,
  weights: LoadedWeights,
  stats: ReadonlyMap<Role, BlockStats>,
): Promise<LayerReport[]> {
  const { plan, work, times, signal } = run;
  const reports: LayerReport[] = [];
  let writing = Promise.resolve(); // while the next layer is at work
  try {
    for (const target of targets) {
      throwIfCancelled(signal);
      const { name } = target.weight;
      const tensor = weights.tensors.get(name) as Tensor; // loaded with its program
      const context = { ...run, counts: work.counts };
      const result = await timed(times, "prune", () => pruneLayer(context, target, tensor, statsOf(name, stats)));
      await timed(times, "write", () => writing);
      writing = work.sink.write(target.tensor, result.tensor);
      writing.catch(() => {}); // thrown where it is waited for
      if (plan.recipe.propagate !== "none") weights.replace(name, result.tensor);
      reports.push(result.report);
    }
    await timed(times, "write", () => writing);
    return reports;
  } finally {
    await writing.catch(() => {}); // nothing is written any more once the folder is another run's
  }
}

/** Makes a section's work last before the journal says that it is done, while the next section is at work; what went wrong with it is thrown there. */
async function finishSection(work: Work, layers: readonly LayerReport[]): Promise<void> {
  await work.lasting;
  work.sections.push(layers);
  const sections = [...work.sections];
  const { key, counts, partial, sink } = work;
  work.lasting = sink.flush().then(() => writeJournal(partial, { key, sections, counts }));
  work.lasting.catch(() => {}); // until then it is no unhandled rejection
}

async function copyRest(plan: Plan, sink: WeightSink, signal: AbortSignal): Promise<void> {
  const targets = new Set(plan.sections.flatMap(({ linears }) => linears.map(({ tensor }) => tensor)));
  for (const name of plan.model.tensors.keys()) {
    throwIfCancelled(signal);
    if (!targets.has(name)) await sink.copy(name);
  }
}

async function timed<T>(times: RunTimes, phase: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now();
  try {
    return await work();
  } finally {
    times.phases[phase] = (times.phases[phase] ?? 0) + performance.now() - start;
  }
}
