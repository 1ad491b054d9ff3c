import { createHash } from "node:crypto";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { distanceToFrontier, type Evaluation, type FrontierDistance, type TradeOff } from "@secateur/evaluate";
import { type Backend, GENERAL, type OpenModel, type Role, type TensorFiles } from "@secateur/kit";
import { mergeStatistics, type OpenStatistics, openStatistics } from "@secateur/statistics";
import type { ComparePlan } from "./compare-plan.ts";
import { collectHalves } from "./compare-statistics.ts";
import type { PruneEvent } from "./events.ts";
import { measureModel } from "./measuring.ts";
import { planKey, planOpened } from "./plan.ts";
import { type LayerReport, sparsityOf } from "./prune-layer.ts";
import { openPruned } from "./pruned-model.ts";
import { parseRecipe } from "./recipe.ts";
import { makeRows, type WantedRow } from "./rows.ts";
import type { Variant } from "./variants.ts";
import { claimWork } from "./work.ts";

/** What a comparison tells while it works. */
export type CompareEvent = PruneEvent | { readonly type: "row"; readonly variant: string; readonly done: number; readonly total: number };

/** What came of one way to prune, or of the dense model. */
export interface CompareRow {
  /** A hash of all that decides the row. */
  readonly key: string;
  readonly name: string;
  readonly kind: Variant["kind"] | "dense";
  /** Absent for the dense model. */
  readonly fusion?: string;
  /** The roles that were read, with their weights. */
  readonly weights?: Readonly<Record<Role, number>>;
  /** How many tokens of them. */
  readonly tokens?: number;
  /** The share of zeros among the weights that are pruned. */
  readonly sparsity: number;
  /** By the name of what was measured on. */
  readonly metrics: Readonly<Record<string, Evaluation>>;
  readonly layers: readonly LayerReport[];
}

/** A row with its place beside the frontier that general text alone, each task alone and the mixtures draw, by the name of each data but general text. */
export interface ComparedRow extends CompareRow {
  readonly frontier?: Readonly<Record<string, FrontierDistance>>;
}

/** How a planned comparison is carried out. */
export interface CompareOptions {
  /** A folder for what is needed until the end: statistics, and the rows that are done. It goes with the last one. */
  readonly work: string;
  /** Discards an unfinished comparison in it instead of going on with it. */
  readonly restart?: boolean;
  readonly files: TensorFiles;
  readonly backend: Backend;
  /** Receives the comparison's events. */
  readonly emit?: (event: CompareEvent) => void;
  readonly signal?: AbortSignal;
  /** Takes the rows before the work folder goes: when it fails, nothing of the work is lost. */
  readonly keep?: (rows: readonly ComparedRow[]) => Promise<void>;
  /** The version of the program. */
  readonly version: string;
}

const ROWS = "rows.jsonl";
const WHOLE = "whole.safetensors";
const HALVES = ["half-a.safetensors", "half-b.safetensors"] as const;
const FILES = [ROWS, WHOLE, ...HALVES];

/**
 * Carries out a comparison: one pass of every role's data through the dense model; then each variant is pruned from these statistics in memory, and measured. All
 * variants see as many tokens: what reads one role reads both halves of its data, what pools or fuses roles one half of each. An interrupted comparison goes on
 * after its last finished part. Throws SecateurError `exists` for a work folder of another one, `cancelled` when the signal says so.
 */
export async function compare(plan: ComparePlan, options: CompareOptions): Promise<ComparedRow[]> {
  const { work, restart = false, files, signal } = options;
  const known = FILES.flatMap((name) => [name, `${name}.partial`, `${name}.scratch`, `${name}.new`]);
  const claimed = await claimWork(work, known);
  let finished = false;
  try {
    if (restart) for (const name of known) await rm(join(work, name), { force: true });
    const paths = HALVES.map((name) => join(work, name)) as [string, string];
    await collectHalves(plan, paths, options);
    const whole = join(work, WHOLE);
    await mergeStatistics(files, paths, whole, { force: true, ...(signal && { signal }) });
    const measured = await withStatistics(files, [whole, paths[0]], (both, half) => measureAll(plan, both, half, options));
    const rows = placed(measured, plan);
    await options.keep?.(rows);
    finished = true;
    return rows;
  } finally {
    await claimed.release(finished);
  }
}

async function withStatistics<T>(
  files: TensorFiles,
  [whole, half]: readonly [string, string],
  use: (whole: OpenStatistics, half: OpenStatistics) => Promise<T>,
): Promise<T> {
  const both = await openStatistics(files, whole);
  try {
    const one = await openStatistics(files, half);
    try {
      return await use(both, one);
    } finally {
      await one.close();
    }
  } finally {
    await both.close();
  }
}

async function measureAll(plan: ComparePlan, whole: OpenStatistics, half: OpenStatistics, options: CompareOptions): Promise<CompareRow[]> {
  const { model, variants } = plan;
  const { work, emit = () => {}, signal, backend, version } = options;
  const modelHash = await model.hash();
  const { bounds, summary } = plan;
  const measured = [bounds, summary.evaluation.map(({ name, hash }) => [name, hash])];
  const keyOf = (what: string): string =>
    `sha256:${createHash("sha256")
      .update(JSON.stringify([what, modelHash, measured, backend.description, version]))
      .digest("hex")}`;
  const dense = keyOf("dense");
  const rows: WantedRow<CompareRow>[] = [
    {
      key: dense,
      make: async () => ({
        key: dense,
        name: "dense",
        kind: "dense",
        sparsity: 0,
        metrics: await measure(plan, model, "dense", options),
        layers: [],
      }),
    },
  ];
  for (const { name, kind, recipe, parts } of variants) {
    const statistics = kind === "role" ? whole : half;
    const read = parseRecipe({ ...recipe, general: [], tasks: [], seqLen: undefined, stats: statistics.path });
    const own = await planOpened(read, parts, { model, statistics, replace: false, close: async () => {} });
    const key = keyOf(`${name} ${planKey(own, modelHash, backend.description, version)}`);
    rows.push({
      key,
      make: async () => {
        const pruned = await openPruned(own, { backend, emit, ...(signal && { signal }) });
        const metrics = await measure(plan, pruned.model, name, options);
        const layers = await pruned.layers();
        const weights = Object.fromEntries(own.weights);
        const tokens = own.roles.reduce((sum, role) => sum + role.tokens, 0);
        return { key, name, kind, fusion: parts.fusion, weights, tokens, sparsity: sparsityOf(layers), metrics, layers };
      },
    });
  }
  const onRow = ({ name }: CompareRow, done: number, total: number): void => emit({ type: "row", variant: name, done, total });
  return makeRows(rows, { path: join(work, ROWS), force: false, onRow, signal });
}

async function measure(plan: ComparePlan, model: OpenModel, variant: string, options: CompareOptions): Promise<Record<string, Evaluation>> {
  const { backend, emit, signal } = options;
  return measureModel(plan, model, { backend, signal, onProgress: (data, share) => emit?.({ type: "measure", variant, data, share }) });
}

/** The rows with their places beside the frontier; those that draw it have none. */
function placed(rows: readonly CompareRow[], { evaluation }: ComparePlan): ComparedRow[] {
  const tasks = evaluation.map(({ name }) => name).filter((name) => name !== GENERAL);
  const tradeOff = ({ metrics }: CompareRow, task: string): TradeOff => ({
    general: metrics[GENERAL]?.losses ?? [],
    task: metrics[task]?.losses ?? [],
  });
  const [first, ...others] = rows.filter(({ kind }) => kind === "role" || kind === "mixture");
  if (!first) return [...rows];
  return rows.map((row) => {
    if (row.kind !== "rule") return row;
    const distance = (task: string) =>
      distanceToFrontier(tradeOff(row, task), [tradeOff(first, task), ...others.map((other) => tradeOff(other, task))]);
    return { ...row, frontier: Object.fromEntries(tasks.map((task) => [task, distance(task)])) };
  });
}
