import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { mergeStatistics, openStatistics } from "../src/index.ts";
import { failureOf, newFolder, type Row, rowsFrom, sumsOf, writeFile } from "./support.ts";

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

  it("two files gives the same bytes in either order", async () => {
    const folder = await newFolder();
    const [a, b, ab, ba] = ["a", "b", "ab", "ba"].map((name) => join(folder, name)) as [string, string, string, string];
    await writeFile(a, { general: rowsFrom(1, 7), math: rowsFrom(2, 3) });
    await writeFile(b, { general: rowsFrom(3, 5), math: rowsFrom(4, 9) });
    await merge([a, b], ab);
    await merge([b, a], ba);
    expect(await readFile(ab)).toEqual(await readFile(ba));
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
      (a, b) => `${b} was collected with another set of statistics than ${a}: inputNorm against inputNorm and gram`,
    ],
    [
      "of other layers",
      { header: { layers: { "q.weight": "q.weight" } } },
      "input",
      (a, b) => `${b} was collected with another set of layers than ${a}`,
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

  it("of one file, and into one of the files", async () => {
    const folder = await newFolder();
    const [a, b] = [join(folder, "a"), join(folder, "b")];
    await writeFile(a, { general: rowsFrom(1, 2) });
    await writeFile(b, { math: rowsFrom(1, 2) });
    expect(await failureOf(() => merge([a], b))).toEqual(["usage", "one file was given, wanted two or more to merge"]);
    expect(await failureOf(() => merge([a, b], `${folder}/./b`))).toEqual([
      "usage",
      `${folder}/./b is one of the files to merge: give another name`,
    ]);
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
