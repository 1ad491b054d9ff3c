import { existsSync } from "node:fs";
import { readFile, truncate, writeFile as writeBytes } from "node:fs/promises";
import { join } from "node:path";
import { encodeSafetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm, type Need } from "@secateur/kit";
import { tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createStatistics, openStatistics, type StatisticsHeader } from "../src/index.ts";
import { failureOf, header, layoutOf, newFolder, rowsFrom, shard, sumsOf, writeFile } from "./support.ts";

const ROWS = { general: rowsFrom(1, 5), math: rowsFrom(2, 4) };

async function sample(): Promise<string> {
  const path = join(await newFolder(), "stats");
  await writeFile(path, ROWS);
  return path;
}

describe("a statistics file", () => {
  it("gives back what was written, one object for layers that read the same", async () => {
    const statistics = await openStatistics(safetensorsFiles, await sample());
    expect(statistics.header.roles.map(({ role }) => role)).toEqual(["general", "math"]);
    for (const [role, rows] of Object.entries(ROWS)) {
      const [q, k] = [
        await statistics.load("q.weight", role, [inputNorm, gram]),
        await statistics.load("k.weight", role, [inputNorm, gram]),
      ];
      expect(k).toBe(q);
      expect(q.get(inputNorm)).toEqual(sumsOf(inputNorm, rows));
      expect(q.get(gram)).toEqual(sumsOf(gram, rows));
    }
    const norms = await statistics.load("down.weight", "math", [inputNorm]);
    expect(() => norms.get(gram)).toThrow("the statistic gram was not loaded");
    await statistics.close();
  });

  it("keeps statistics of outputs for each layer", async () => {
    const path = join(await newFolder(), "stats");
    const outputs: Need = { id: "outputs", of: "output", merge: "sum", reduce: () => ({}) };
    const layers = { "q.weight": "q.weight", "k.weight": "q.weight" };
    const layout = Object.keys(layers).map((name) => ({
      entry: { role: "general", tensor: name, need: "outputs" },
      shapes: { total: [1] },
    }));
    const about = header([{ role: "general", shards: [shard("a")] }], { needs: ["outputs"], layers });
    const sink = await createStatistics(safetensorsFiles, path, about, layout);
    for (const [i, { entry }] of layout.entries()) await sink.write(entry, { total: Float64Array.of(i) });
    await sink.close();
    const statistics = await openStatistics(safetensorsFiles, path);
    for (const [i, name] of Object.keys(layers).entries()) {
      expect((await statistics.load(name, "general", [outputs])).get(outputs)).toEqual({ total: Float64Array.of(i) });
    }
    await statistics.close();
  });

  it("says what it does not hold", async () => {
    const path = await sample();
    const statistics = await openStatistics(safetensorsFiles, path);
    const other: Need = { ...inputNorm, id: "peaks" };
    expect(await failureOf(() => statistics.load("up.weight", "math", [inputNorm]))).toEqual([
      "input",
      `${path}: the layer up.weight is not in it`,
    ]);
    expect(await failureOf(() => statistics.load("q.weight", "code", [inputNorm]))).toEqual([
      "input",
      `${path}: the role code is not in it; its roles are general, math`,
    ]);
    expect(await failureOf(() => statistics.load("q.weight", "math", [other]))).toEqual([
      "input",
      `${path}: the statistic peaks was not collected, only inputNorm and gram`,
    ]);
    // Of kit's own it says how they are had.
    expect(await failureOf(() => statistics.load("q.weight", "math", [{ ...inputNorm, id: "fisher" }]))).toEqual([
      "input",
      `${path}: the statistic fisher was not collected, only inputNorm and gram: calibrate again with --fisher`,
    ]);
    await statistics.close();
  });

  it("has its name only when it is whole, and is not overwritten", async () => {
    const path = await sample();
    expect(await failureOf(() => writeFile(path, ROWS))).toEqual(["exists", `${path} exists already`]);
    const unfinished = join(await newFolder(), "stats");
    const about = header([{ role: "general", shards: [shard("a")] }]);
    const sink = await createStatistics(safetensorsFiles, unfinished, about, layoutOf(about));
    expect(await failureOf(() => sink.close())).toEqual([
      "internal",
      `${unfinished}: tensor "general/q.weight/inputNorm/squares": never written, as 10 of 10 tensors`,
    ]);
    expect(existsSync(unfinished)).toBe(false);
    await sink.discard();
    expect(existsSync(`${unfinished}.partial`)).toBe(false);
  });

  it("holds roles, layers, statistics and sums of any name", async () => {
    const name = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("a/b", "%2F", "%", "constructor", "__proto__", "__metadata__"));
    await fc.assert(
      fc.asyncProperty(name, name, name, name, async (role, layer, id, sum) => {
        fc.pre(layer !== "__proto__"); // JSON checked by zod leaves it out
        const path = join(await newFolder(), "stats");
        const entry = { role, tensor: layer, need: id };
        const about = header([{ role, shards: [shard("a")] }], { needs: [id], layers: Object.fromEntries([[layer, layer]]) });
        const layout = [{ entry, shapes: Object.fromEntries([[sum, [1]]]) }];
        const sink = await createStatistics(safetensorsFiles, path, about, layout);
        await sink.write(entry, Object.fromEntries([[sum, Float64Array.of(7)]]));
        await sink.close();
        const statistics = await openStatistics(safetensorsFiles, path);
        expect([statistics.header, statistics.layout]).toEqual([about, layout]);
        const need: Need = { ...inputNorm, id };
        expect(Object.entries((await statistics.load(layer, role, [need])).get(need))).toEqual([[sum, Float64Array.of(7)]]);
        await statistics.close();
      }),
      { numRuns: 40 },
    );
  });

  it("is not begun with what could not be read again, and takes no sum that is not finite", async () => {
    const path = join(await newFolder(), "stats");
    const about = header([{ role: "general", shards: [shard("a")] }]);
    const layout = layoutOf(about);
    const create = (change: Partial<StatisticsHeader>, of = layout) =>
      createStatistics(safetensorsFiles, path, { ...about, ...change }, of);
    expect(await failureOf(() => create({}, layout.slice(1)))).toEqual([
      "internal",
      `${path} would have no statistic inputNorm of role general at q.weight`,
    ]);
    expect(await failureOf(() => create({ needs: ["gram", "gram"] }))).toEqual(["internal", `${path} would have the statistic gram twice`]);
    const sink = await create({});
    const { entry } = layout[0] as (typeof layout)[number];
    expect(await failureOf(() => sink.write(entry, { squares: Float64Array.of(1, Number.POSITIVE_INFINITY, 1) }))).toEqual([
      "numeric",
      `${path}: general/q.weight/inputNorm/squares holds Infinity at entry 1, wanted a finite number`,
    ]);
    expect(await failureOf(() => sink.write(entry, { squares: Float64Array.of(1) }))).toEqual([
      "internal",
      `${path}: tensor "general/q.weight/inputNorm/squares": it came with 1 elements, wanted 3`,
    ]);
    await sink.discard();
    expect(existsSync(path)).toBe(false);
  });

  it("is checked against the sums that a model's layers have", async () => {
    const path = await sample();
    const statistics = await openStatistics(safetensorsFiles, path);
    const shapes = { squares: [3], sums: [3], weight: [1] };
    const check = (of: Record<string, readonly number[]>): void =>
      statistics.check(["q.weight", "k.weight"], ["general", "math"], [inputNorm], () => of);
    check(shapes);
    expect(await failureOf(() => check({ ...shapes, sums: [4] }))).toEqual([
      "format",
      `${path}: general/q.weight/inputNorm/sums has the shape [3], wanted [4]`,
    ]);
    expect(await failureOf(() => check({ ...shapes, cubes: [3] }))).toEqual([
      "format",
      `${path}: general/q.weight/inputNorm/cubes has the shape none, wanted [3]`,
    ]);
    const { sums: _, ...less } = shapes;
    expect(await failureOf(() => check(less))).toEqual([
      "format",
      `${path}: general/q.weight/inputNorm/sums has the shape [3], wanted none`,
    ]);
    const own: Need = { ...inputNorm, of: "output" };
    expect(await failureOf(() => statistics.load("k.weight", "math", [own]))).toEqual([
      "format",
      `${path}: it has no statistic inputNorm of role math at k.weight`,
    ]);
    await statistics.close();
  });
});

describe("what is no statistics file", () => {
  const about = (change: object): string => JSON.stringify({ ...header([{ role: "general", shards: [shard("a")] }]), ...change });
  const numbers = (values: readonly number[]) => tensor("F64", [values.length], Float64Array.from(values));
  const named = (role: string, name: string, sum: string): string => `${role}/${name}/inputNorm/${sum}`;

  it.each<[what: string, metadata: Record<string, string>, code: string, message: string]>([
    [
      "a model's weights",
      { format: "pt" },
      "format",
      " is no file of statistics: its metadata has no secateur-statistics; a model's weights are given as the model",
    ],
    ["a header that is not JSON", { "secateur-statistics": "{" }, "format", " is no file of statistics: its header is not JSON: "],
    [
      "a header without its roles",
      { "secateur-statistics": about({ roles: undefined }) },
      "format",
      " is no file of statistics: its header has at roles: ",
    ],
    [
      "a newer form",
      { "secateur-statistics": about({ version: 2 }) },
      "unsupported",
      " has the form 2 of statistics, this program reads form 1: use a newer one",
    ],
    [
      "one without a layer's sums",
      { "secateur-statistics": about({ needs: ["inputNorm"] }) },
      "format",
      ": it has no statistic inputNorm of role general at q.weight",
    ],
    ["a header that is null", { "secateur-statistics": "null" }, "format", " is no file of statistics: its header has at the top: "],
    ["an older form", { "secateur-statistics": about({ version: 0 }) }, "format", " is no file of statistics: its header has at version: "],
    [
      "a count that is none",
      { "secateur-statistics": about({ roles: [{ role: "general", shards: [shard("a", { tokens: -1 })] }] }) },
      "format",
      " is no file of statistics: its header has at roles.0.shards.0.tokens: ",
    ],
    [
      "a role twice",
      { "secateur-statistics": about({ roles: ["a", "b"].map((hash) => ({ role: "general", shards: [shard(hash)] })) }) },
      "format",
      " is no file of statistics: its header has the role general twice",
    ],
    [
      "a shard twice",
      { "secateur-statistics": about({ roles: [{ role: "general", shards: [shard("a"), shard("a")] }] }) },
      "format",
      " is no file of statistics: its header has in role general the shard a twice",
    ],
    [
      "layers that share what is not there",
      { "secateur-statistics": about({ layers: { "q.weight": "k.weight", "k.weight": "q.weight" } }) },
      "format",
      " is no file of statistics: its header has the layer q.weight share the statistics of k.weight, which has none of its own",
    ],
    [
      "sums of a layer that its header has not",
      { "secateur-statistics": about({ needs: ["inputNorm"], layers: { "up.weight": "up.weight" } }) },
      "format",
      ": it has general/down.weight/inputNorm, which is of no role, layer or statistic of its header",
    ],
  ])("is refused: %s", async (_, metadata, code, message) => {
    const path = join(await newFolder(), "stats");
    await writeBytes(path, encodeSafetensors(new Map([[named("general", "down.weight", "weight"), numbers([1])]]), metadata));
    const [foundCode, found] = await failureOf(() => openStatistics(safetensorsFiles, path));
    expect([foundCode, found.startsWith(path + message)]).toEqual([code, true]);
  });

  it.each<[values: readonly number[], message: string]>([
    [[1, Number.NaN], "squares holds NaN at entry 1, wanted a finite number"],
    [[Number.POSITIVE_INFINITY, 1], "squares holds Infinity at entry 0, wanted a finite number"],
  ])("is refused for sums of %j", async (values, message) => {
    const path = join(await newFolder(), "stats");
    const layers = { "q.weight": "q.weight" };
    const metadata = { "secateur-statistics": about({ needs: ["inputNorm"], layers }) };
    const tensors = new Map([
      [named("general", "q.weight", "squares"), numbers(values)],
      [named("general", "q.weight", "weight"), numbers([3])],
    ]);
    await writeBytes(path, encodeSafetensors(tensors, metadata));
    const statistics = await openStatistics(safetensorsFiles, path);
    expect(await failureOf(() => statistics.load("q.weight", "general", [inputNorm]))).toEqual([
      "numeric",
      `${path}: general/q.weight/inputNorm/${message}`,
    ]);
    await statistics.close();
  });

  it("is refused for a negative weight, another dtype, and a file that was cut", async () => {
    const folder = await newFolder();
    const metadata = {
      "secateur-statistics": about({ needs: ["inputNorm"], layers: { "q.weight": "q.weight" } satisfies StatisticsHeader["layers"] }),
    };
    const negative = join(folder, "negative");
    await writeBytes(negative, encodeSafetensors(new Map([[named("general", "q.weight", "weight"), numbers([-1])]]), metadata));
    const statistics = await openStatistics(safetensorsFiles, negative);
    expect(await failureOf(() => statistics.load("q.weight", "general", [inputNorm]))).toEqual([
      "numeric",
      `${negative}: general/q.weight/inputNorm/weight holds -1 at entry 0, wanted a finite number from 0 on`,
    ]);
    await statistics.close();
    const single = join(folder, "single");
    const values = tensor("F32", [1], Float32Array.of(1));
    await writeBytes(single, encodeSafetensors(new Map([[named("general", "q.weight", "weight"), values]]), metadata));
    expect(await failureOf(() => openStatistics(safetensorsFiles, single))).toEqual([
      "format",
      `${single}: general/q.weight/inputNorm/weight is F32, wanted ROLE/LAYER/STATISTIC/SUM as F64`,
    ]);
    const uneven = join(folder, "uneven");
    const layers = { "q.weight": "q.weight", "k.weight": "k.weight" };
    const sums = new Map([
      [named("general", "q.weight", "weight"), numbers([1])],
      [named("general", "k.weight", "squares"), numbers([1])],
    ]);
    await writeBytes(uneven, encodeSafetensors(sums, { "secateur-statistics": about({ needs: ["inputNorm"], layers }) }));
    expect(await failureOf(() => openStatistics(safetensorsFiles, uneven))).toEqual([
      "format",
      `${uneven}: it has general/k.weight/inputNorm with the sums squares, elsewhere they are weight`,
    ]);
    const cut = await sample();
    await truncate(cut, (await readFile(cut)).length - 4);
    expect((await failureOf(() => openStatistics(safetensorsFiles, cut)))[0]).toBe("format");
  });
});
