import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { encodeSafetensors } from "../src/index.ts";
import { CONFIG, expectError, folderOf, opened, randomTensor, shardedModel } from "./support.ts";

const INDEX = "model.safetensors.index.json";
const one = (...names: string[]): Uint8Array =>
  encodeSafetensors(new Map(names.map((name): [string, Tensor] => [name, randomTensor("F32", [2], 1)])));
const index = (map: unknown): string => JSON.stringify({ weight_map: map });

describe("an index is refused", () => {
  const shards = { "x.safetensors": one("a"), "y.safetensors": one("b") };
  const both = { a: "x.safetensors", b: "y.safetensors" };
  const wanted = "wanted the name of a .safetensors file in the same folder";
  const cases: [name: string, files: Record<string, string | Uint8Array>, code: string, message: string][] = [
    [
      "that is not JSON",
      { [INDEX]: "{,", ...shards },
      "format",
      `${INDEX} is not valid JSON at line 1, column 2: found ",", wanted a key in double quotes`,
    ],
    [
      "without a weight_map",
      { [INDEX]: "{}", ...shards },
      "format",
      `${INDEX} has no weight_map, an object of tensor names and file names`,
    ],
    [
      "with a weight_map that is no object",
      { [INDEX]: index(["x"]), ...shards },
      "format",
      `${INDEX} has no weight_map, an object of tensor names and file names`,
    ],
    [
      "with a shard that is no name",
      { [INDEX]: index({ a: 1 }), ...shards },
      "format",
      `${INDEX}: tensor "a" is said to be in 1, ${wanted}`,
    ],
    [
      "with a shard outside of the folder",
      { [INDEX]: index({ a: "../x.safetensors" }), ...shards },
      "format",
      `${INDEX}: tensor "a" is said to be in "../x.safetensors", ${wanted}`,
    ],
    [
      "with a shard by absolute path",
      { [INDEX]: index({ a: "/x.safetensors" }), ...shards },
      "format",
      `${INDEX}: tensor "a" is said to be in "/x.safetensors", ${wanted}`,
    ],
    [
      "with a shard that is another file",
      { [INDEX]: index({ a: "config.json" }), ...shards },
      "format",
      `${INDEX}: tensor "a" is said to be in "config.json", ${wanted}`,
    ],
    [
      "with a shard that is missing",
      { [INDEX]: index(both), "x.safetensors": one("a") },
      "not-found",
      `${INDEX}: tensor "b" is said to be in y.safetensors, which is not in the folder`,
    ],
    [
      "with a tensor that its shard lacks",
      { [INDEX]: index({ ...both, c: "x.safetensors" }), ...shards },
      "format",
      `x.safetensors: tensor "c" is missing, though ${INDEX} says that it is here`,
    ],
    [
      "without a tensor that a shard has",
      { [INDEX]: index(both), ...shards, "y.safetensors": one("b", "c") },
      "format",
      `y.safetensors: tensor "c" is not in the weight_map of ${INDEX}`,
    ],
    [
      "with a tensor in another shard",
      { [INDEX]: index({ ...both, c: "x.safetensors" }), ...shards, "y.safetensors": one("b", "c") },
      "format",
      `x.safetensors: tensor "c" is missing, though ${INDEX} says that it is here`,
    ],
    [
      "with a tensor in two shards",
      { [INDEX]: index(both), ...shards, "y.safetensors": one("a", "b") },
      "format",
      'y.safetensors: tensor "a" is in x.safetensors too',
    ],
    [
      "with a shard that is cut",
      { [INDEX]: index(both), ...shards, "y.safetensors": one("b").subarray(0, -1) },
      "format",
      'y.safetensors: tensor "b": the file is truncated: it has 7 of the 8 bytes of data that its header describes',
    ],
  ];
  for (const [name, files, code, message] of cases) {
    it(name, async () => {
      const path = await folderOf({ "config.json": CONFIG, ...files });
      await expectError(() => opened(path), code, `${path}/${message}`);
    });
  }

  it("when a shard goes away, by its name", async () => {
    const path = await shardedModel();
    await rm(join(path, "model-00002-of-00003.safetensors"));
    const message = `${path}/${INDEX}: tensor "model.layers.0.norm.weight" is said to be in model-00002-of-00003.safetensors, which is not in the folder`;
    await expectError(() => opened(path), "not-found", message);
  });

  it("not for shards that it does not name", async () => {
    const path = await shardedModel();
    await writeFile(join(path, "model.fp16.safetensors"), "not looked at");
    const model = await opened(path);
    expect([...model.shards.keys()]).toEqual([1, 2, 3].map((n) => `model-0000${n}-of-00003.safetensors`));
  });
});
