import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm, type Need, type Role, SecateurError } from "@secateur/kit";
import { seededRandom } from "@secateur/tensor";
import { afterAll } from "vitest";
import { createStatistics, type Layout, type Shard, type StatisticsHeader } from "../src/index.ts";

const made: string[] = [];
afterAll(async () => {
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

export async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "secateur-statistics-"));
  made.push(path);
  return path;
}

const CHANNELS = 3;
/** Two layers that read the same input, and one of its own. */
const LAYERS: Readonly<Record<string, string>> = { "q.weight": "q.weight", "k.weight": "q.weight", "down.weight": "down.weight" };

/** One token of a layer's input, and what it counts. */
export interface Row {
  readonly x: readonly number[];
  readonly weight: number;
}

export function rowsFrom(seed: number, count: number): Row[] {
  const random = seededRandom(seed);
  return Array.from({ length: count }, () => ({ x: Array.from({ length: CHANNELS }, () => random.next() - 0.5), weight: random.next() }));
}

/** The sums of some rows, from their definitions. */
export function sumsOf(need: Need, rows: readonly Row[]): Record<string, Float64Array> {
  const sum = (of: (row: Row) => number): number => rows.reduce((total, row) => total + row.weight * of(row), 0);
  const channels = Array.from({ length: CHANNELS }, (_, j) => j);
  const weight = Float64Array.of(sum(() => 1));
  const at = ({ x }: Row, j: number): number => x[j] as number;
  if (need === gram)
    return { gram: Float64Array.from(channels.flatMap((i) => channels.map((j) => sum((row) => at(row, i) * at(row, j))))), weight };
  return {
    squares: Float64Array.from(channels, (j) => sum((row) => at(row, j) ** 2)),
    sums: Float64Array.from(channels, (j) => sum((row) => at(row, j))),
    weight,
  };
}

export function shard(hash: string, rest: Partial<Shard> = {}): Shard {
  const counts = { sequences: 1, tokens: 2, rows: 1, empty: 0, duplicates: 0, truncated: 0, specialTokens: 0 };
  return { hash, sources: [`${hash}.jsonl`], ...counts, reading: { promptWeight: 1 }, ...rest };
}

export function header(roles: StatisticsHeader["roles"], rest: Partial<StatisticsHeader> = {}): StatisticsHeader {
  return {
    version: 1,
    secateur: "0.0.0",
    model: { hash: "sha256:m", modelType: "llama" },
    backend: { engine: "e", version: "1", device: "cpu", precision: "f32" },
    needs: ["inputNorm", "gram"],
    layers: LAYERS,
    roles,
    ...rest,
  };
}

/** Writes the statistics of some roles' rows, each one shard, at every layer. */
export async function writeFile(
  path: string,
  roles: Readonly<Record<Role, readonly Row[]>>,
  change: { readonly header?: Partial<StatisticsHeader>; readonly shard?: Partial<Shard>; readonly hash?: string } = {},
): Promise<void> {
  const named = Object.entries(roles).map(([role, rows]) => ({
    role,
    shards: [shard(change.hash ?? `sha256:${role}${JSON.stringify(rows).length}${JSON.stringify(rows[0])}`, change.shard)],
  }));
  const about = header(named, change.header);
  const layout = layoutOf(about);
  const sink = await createStatistics(safetensorsFiles, path, about, layout);
  for (const { entry } of layout) await sink.write(entry, sumsOf(entry.need === "gram" ? gram : inputNorm, roles[entry.role] ?? []));
  await sink.close();
}

/** Where statistics of inputs stand in a file with this header. */
export function layoutOf({ roles, needs, layers }: StatisticsHeader): Layout {
  const shapes = { inputNorm: { squares: [CHANNELS], sums: [CHANNELS], weight: [1] }, gram: { gram: [CHANNELS, CHANNELS], weight: [1] } };
  return roles.flatMap(({ role }) =>
    [...new Set(Object.values(layers))].flatMap((tensor) =>
      needs.map((need) => ({ entry: { role, tensor, need }, shapes: shapes[need as keyof typeof shapes] })),
    ),
  );
}

export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SecateurError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing was thrown");
}
