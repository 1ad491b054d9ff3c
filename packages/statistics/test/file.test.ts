import { existsSync } from "node:fs";
import { readFile, truncate, writeFile as writeBytes } from "node:fs/promises";
import { join } from "node:path";
import { encodeSafetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { gram, inputNorm, type Need } from "@secateur/kit";
import { tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createStatistics, openStatistics, type StatisticsHeader } from "../src/index.ts";
import { failureOf, header, newFolder, rowsFrom, shard, sumsOf, writeFile } from "./support.ts";

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
    const other: Need = { ...inputNorm, id: "fisher" };
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
      `${path}: the statistic fisher was not collected, only inputNorm and gram`,
    ]);
    await statistics.close();
  });

  it("has its name only when it is whole, and is not overwritten", async () => {
    const path = await sample();
    expect(await failureOf(() => writeFile(path, ROWS))).toEqual(["exists", `${path} exists already`]);
    const unfinished = join(await newFolder(), "stats");
    const entry = { role: "general", tensor: "q.weight", need: "inputNorm" };
    const sink = await createStatistics(safetensorsFiles, unfinished, header([{ role: "general", shards: [shard("a")] }]), [
      { entry, shapes: { weight: [1] } },
    ]);
    expect(await failureOf(() => sink.close())).toEqual([
      "internal",
      `${unfinished}: tensor "general/q.weight/inputNorm/weight": never written, as 1 of 1 tensors`,
    ]);
    expect(existsSync(unfinished)).toBe(false);
    await sink.discard();
    expect(existsSync(`${unfinished}.partial`)).toBe(false);
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
      ": the statistic inputNorm of role general at q.weight is missing",
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
    const cut = await sample();
    await truncate(cut, (await readFile(cut)).length - 4);
    expect((await failureOf(() => openStatistics(safetensorsFiles, cut)))[0]).toBe("format");
  });
});
