import { type Backend, SecateurError, type TensorFiles, throwIfCancelled } from "@secateur/kit";
import { createStatistics, openStatistics, type StatisticsHeader } from "@secateur/statistics";
import { makeHeader } from "./calibrate.ts";
import { checkWeights } from "./check-weights.ts";
import type { ComparePlan } from "./compare-plan.ts";
import { collectDense, readsGradients } from "./dense-pass.ts";
import type { Emit } from "./events.ts";
import { pathExists } from "./io.ts";

/** How the statistics of a comparison are collected. */
interface CollectOptions {
  readonly files: TensorFiles;
  readonly backend: Backend;
  readonly emit?: Emit;
  readonly signal?: AbortSignal;
  readonly version: string;
}

/** Collects both halves' statistics of the dense model into a file each, unless an earlier run has done so. Throws SecateurError `exists` for files of anything else. */
export async function collectHalves(plan: ComparePlan, paths: readonly [string, string], options: CollectOptions): Promise<void> {
  const { model, sections, needs, halves, layout, summary } = plan;
  const { files, backend, emit = () => {}, signal, version } = options;
  const total = summary.work;
  const check = (done: number): void =>
    emit({ type: "progress", phase: "check", block: 0, blocks: sections.length, done, total: model.tensors.size });
  await checkWeights(model, model.tensors.keys(), check, signal);
  const hash = await model.hash();
  let done = 0;
  const count: Emit = (event) => {
    if (event.type === "progress") done = event.done;
    emit(event);
  };
  for (const [i, path] of paths.entries()) {
    throwIfCancelled(signal);
    const data = halves[i] as ComparePlan["halves"][number]; // a path a half
    const header = makeHeader({ ...plan, data }, hash, backend.description, version);
    if (await isThere(files, path, header)) continue;
    const sink = await createStatistics(files, path, header, layout, { force: true });
    const phase = readsGradients(needs) ? "gradients" : "calibrate";
    try {
      await collectDense({ ...plan, data }, sink, backend, { emit: count, signal, scratch: `${path}.scratch`, phase, total, done });
      await sink.close();
    } catch (error) {
      await sink.discard();
      throw error;
    }
  }
}

async function isThere(files: TensorFiles, path: string, wanted: StatisticsHeader): Promise<boolean> {
  if (!(await pathExists(path))) return false;
  const statistics = await openStatistics(files, path);
  await statistics.close();
  if (JSON.stringify(statistics.header) === JSON.stringify(wanted)) return true;
  throw new SecateurError("exists", `${path} was left by a comparison of something else: give --restart to discard it, or another --out`, {
    where: { file: path },
  });
}
