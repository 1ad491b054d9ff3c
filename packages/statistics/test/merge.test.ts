import { existsSync } from "node:fs";
import { readdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStatistics, mergeStatistics, openStatistics } from "../src/index.ts";
import { failureOf, header, newFolder, type Row, rowsFrom, shard, sumsOf, writeFile } from "./support.ts";

const merge = (inputs: readonly string[], out: string) => mergeStatistics(safetensorsFiles, inputs, out);

const number = fc.double({ min: -1e3, max: 1e3, noNaN: true });
const row: fc.Arbitrary<Row> = fc.record({ x: fc.tuple(number, number, number), weight: fc.double({ min: 0, max: 1, noNaN: true }) });

describe("merging", () => {
  it("the parts of some data gives the statistics of the whole, in any order and grouping, within rounding", async () => {
    const parts = fc.array(fc.array(row, { minLength: 1, maxLength: 6 }), { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(), async (data, turn) => {
        const folder = await newFolder();
        const paths = data.map((_, i) => join(folder, `part${i}`));
        for (const [i, rows] of data.entries()) await writeFile(paths[i] as string, { general: rows }, { hash: `sha256:${i}` });
        const turned = [...paths.slice(turn % paths.length), ...paths.slice(0, turn % paths.length)];
        const [all, two, grouped] = ["all", "two", "grouped"].map((name) => join(folder, name)) as [string, string, string];
        await merge(turned, all);
        await merge(turned.slice(0, 2), two);
        await merge([...turned.slice(2), two].length > 1 ? [...turned.slice(2), two] : turned, grouped);
        const whole = data.flat();
        for (const path of [all, grouped]) {
          const statistics = await openStatistics(safetensorsFiles, path);
          expect(statistics.header.roles[0]?.shards.map(({ hash }) => hash)).toEqual(data.map((_, i) => `sha256:${i}`));
          for (const layer of ["q.weight", "down.weight"]) {
            const stats = await statistics.load(layer, "general", [inputNorm, gram]);
            for (const need of [inputNorm, gram]) expectClose(stats.get(need), sumsOf(need, whole), whole);
          }
          await statistics.close();
        }
      }),
      { numRuns: 25 },
    );
  });

  it("any files gives the same bytes in any order", async () => {
    const roles = fc.subarray(["general", "math", "code"], { minLength: 1 });
    const files = fc.array(roles, { minLength: 2, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(files, fc.infiniteStream(fc.nat()), async (held, numbers) => {
        const folder = await newFolder();
        const paths = held.map((_, i) => join(folder, `part${i}`));
        for (const [i, named] of held.entries()) {
          const rows = Object.fromEntries(named.map((role, j) => [role, rowsFrom(10 * i + j, 3)]));
          // What merely tells of the run differs from file to file.
          await writeFile(paths[i] as string, rows, { hash: `sha256:${9 - i}`, header: { secateur: `0.0.${i}` } });
        }
        const keys = new Map(paths.map((path) => [path, numbers.next().value]));
        const turned = paths.toSorted((a, b) => (keys.get(a) as number) - (keys.get(b) as number));
        const header = await merge(paths, join(folder, "one"));
        expect(await merge(turned, join(folder, "other"))).toEqual(header);
        expect(await readFile(join(folder, "other"))).toEqual(await readFile(join(folder, "one")));
        const { header: kept, close } = await openStatistics(safetensorsFiles, join(folder, "one"));
        expect(kept).toEqual(header);
        await close();
      }),
      { numRuns: 25 },
    );
  });

  it("files that differ only in the order of what they say", async () => {
    const folder = await newFolder();
    const [a, b, out] = ["a", "b", "out"].map((name) => join(folder, name)) as [string, string, string];
    const reading = (fields: Record<string, string>) => ({ reading: { promptWeight: 1, fields } });
    await writeFile(a, { general: rowsFrom(1, 2) }, { shard: reading({ text: "body", title: "head" }) });
    const turned = {
      needs: ["gram", "inputNorm"],
      layers: { "down.weight": "down.weight", "k.weight": "q.weight", "q.weight": "q.weight" },
    };
    await writeFile(b, { general: rowsFrom(2, 2) }, { shard: reading({ title: "head", text: "body" }), header: turned });
    expect((await merge([a, b], out)).roles[0]?.shards.length).toBe(2);
    expect(await failureOf(() => merge([a, b], out))).toEqual(["exists", `${out} exists already`]);
    const shares: number[] = [];
    await mergeStatistics(safetensorsFiles, [a, b], out, { force: true, onProgress: (share) => shares.push(share) });
    expect(shares).toEqual([0.25, 0.5, 0.75, 1]);
  });

  it("carries over roles that one file has alone", async () => {
    const folder = await newFolder();
    const [a, b, out] = ["a", "b", "out"].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(a, { math: rowsFrom(1, 7) });
    await writeFile(b, { general: rowsFrom(2, 3) });
    const { roles } = await merge([a, b], out);
    expect(roles.map(({ role }) => role)).toEqual(["general", "math"]);
    const statistics = await openStatistics(safetensorsFiles, out);
    expect((await statistics.load("k.weight", "math", [gram])).get(gram)).toEqual(sumsOf(gram, rowsFrom(1, 7)));
    await statistics.close();
  });
});

describe("merging is refused", () => {
  const model = { hash: "sha256:other", modelType: "llama" };
  it.each<[what: string, change: Parameters<typeof writeFile>[2], code: string, message: (a: string, b: string) => string]>([
    [
      "of another model",
      { header: { model } },
      "input",
      (a, b) => `${b} was collected with another model than ${a}: sha256:other against sha256:m`,
    ],
    [
      "of another tokenizer",
      { header: { tokenizer: "sha256:t" } },
      "input",
      (a, b) => `${b} was collected with another tokenizer than ${a}: sha256:t against none`,
    ],
    [
      "of other statistics",
      { header: { needs: ["inputNorm"] } },
      "input",
      (a, b) => `${b} was collected with another set of statistics than ${a}: inputNorm against gram and inputNorm`,
    ],
    [
      "of other layers",
      { header: { layers: { "q.weight": "q.weight" } } },
      "input",
      (a, b) => `${b} was collected with another set of layers than ${a}: k.weight is not there against that of q.weight`,
    ],
    [
      "of the same data",
      { hash: "sha256:same" },
      "input",
      (a, b) => `${b} and ${a} hold the same data of role general (from sha256:same.jsonl): it would count twice`,
    ],
    [
      "read otherwise",
      { shard: { reading: { promptWeight: 0.5 } } },
      "input",
      (a, b) => `${b} reads role general otherwise than ${a}: {"promptWeight":0.5} against {"promptWeight":1}`,
    ],
  ])("%s", async (_, change, code, message) => {
    const folder = await newFolder();
    const [a, b, out] = ["a", "b", "out"].map((name) => join(folder, name)) as [string, string, string];
    await writeFile(a, { general: rowsFrom(1, 2) }, { hash: "sha256:same" });
    await writeFile(b, { general: rowsFrom(2, 2) }, change);
    expect(await failureOf(() => merge([a, b], out))).toEqual([code, message(a, b)]);
    expect([existsSync(out), existsSync(`${out}.partial`)]).toEqual([false, false]);
  });

  it("of one file, of a file twice, and into one of the files", async () => {
    const folder = await newFolder();
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    await writeFile(a, { general: rowsFrom(1, 2) });
    await writeFile(b, { math: rowsFrom(1, 2) });
    expect(await failureOf(() => merge([], b))).toEqual(["usage", "no files were given, wanted two or more to merge"]);
    expect(await failureOf(() => merge([a], b))).toEqual(["usage", "one file was given, wanted two or more to merge"]);
    const linked = join(await newFolder(), "folder");
    await symlink(folder, linked);
    expect(await failureOf(() => merge([a, join(linked, "a")], join(folder, "out")))).toEqual(["usage", `${linked}/a is given twice`]);
    for (const out of [`${folder}/./b`, join(linked, "b")])
      expect(await failureOf(() => merge([a, b], out))).toEqual(["usage", `${out} is one of the files to merge: give another name`]);
    const link = join(folder, "link");
    await symlink(b, link);
    expect(await failureOf(() => merge([a, link], b))).toEqual(["usage", `${b} is one of the files to merge: give another name`]);
    expect(await failureOf(() => merge([a, join(folder, "none")], join(folder, "out")))).toEqual([
      "not-found",
      `there is no file ${join(folder, "none")}`,
    ]);
  });

  it("of sums of other shapes, and of sums too large to add; a stop leaves nothing", async () => {
    const folder = await newFolder();
    const [a, b, c, out] = ["a", "b", "c", "out"].map((name) => join(folder, name)) as [string, string, string, string];
    const about = { needs: ["inputNorm"], layers: { "q.weight": "q.weight" } };
    const write = async (path: string, squares: Float64Array): Promise<void> => {
      const entry = { role: "general", tensor: "q.weight", need: "inputNorm" };
      const layout = [{ entry, shapes: { squares: [squares.length] } }];
      const sink = await createStatistics(safetensorsFiles, path, header([{ role: "general", shards: [shard(path)] }], about), layout);
      await sink.write(entry, { squares });
      await sink.close();
    };
    await write(a, Float64Array.of(1, 1e308));
    await write(b, Float64Array.of(1));
    await write(c, Float64Array.of(1, 1e308));
    expect(await failureOf(() => merge([a, b], out))).toEqual(["input", `${b} has sums of other shapes at q.weight`]);
    expect(await failureOf(() => merge([a, c], out))).toEqual([
      "numeric",
      `${out}: general/q.weight/inputNorm/squares holds Infinity at entry 1, wanted a finite number`,
    ]);
    const stopped = new AbortController();
    stopped.abort();
    const stop = () => mergeStatistics(safetensorsFiles, [a, c], out, { signal: stopped.signal });
    expect(await failureOf(stop)).toEqual(["cancelled", "the run was cancelled"]);
    expect((await readdir(folder)).sort()).toEqual(["a", "b", "c"]);
  });
});

/** Sums in another order differ by rounding of what was added, not of what is left. */
function expectClose(found: Readonly<Record<string, Float64Array>>, wanted: Record<string, Float64Array>, rows: readonly Row[]): void {
  const added = rows.reduce(
    (sum, { x, weight }) => sum + weight * (1 + x.reduce((total, value) => total + Math.abs(value) + value * value, 0)),
    0,
  );
  for (const [name, values] of Object.entries(wanted)) {
    for (const [i, value] of values.entries())
      expect(Math.abs(value - (found[name]?.[i] ?? Number.NaN))).toBeLessThanOrEqual(1e-13 * added);
  }
}
