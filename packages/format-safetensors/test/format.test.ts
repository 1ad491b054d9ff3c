import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Format, OpenModel } from "@secateur/kit";
import { describeFormat } from "@secateur/kit/testing";
import { fromFloat32, toFloat32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { safetensors } from "../src/index.ts";
import { expectError, newFolder, opened, shardedModel, singleModel } from "./support.ts";

const makeTarget = async (): Promise<string> => join(await newFolder(), "out");

describeFormat({ describe, it }, "safetensors, one file", { format: safetensors, makeModel: singleModel, makeTarget });
describeFormat({ describe, it }, "safetensors, shards", { format: safetensors, makeModel: shardedModel, makeTarget });

describe("the laws of formats", () => {
  /** The laws that a format breaks. */
  async function broken(format: Format): Promise<string[]> {
    const laws: [name: string, body: () => void | Promise<void>][] = [];
    const collect = {
      describe: (_: string, body: () => void) => body(),
      it: (name: string, body: () => void | Promise<void>) => laws.push([name, body]),
    };
    describeFormat(collect, "broken", { format, makeModel: singleModel, makeTarget });
    const failed: string[] = [];
    for (const [name, body] of laws) await Promise.resolve(body()).catch(() => failed.push(name.split(",")[0] as string));
    return failed;
  }

  function withModel(change: (model: OpenModel) => Partial<OpenModel>): Format {
    return {
      ...safetensors,
      async open(source) {
        const model = await safetensors.open(source);
        return { ...model, ...change(model) };
      },
    };
  }

  const cases: [name: string, format: Format, laws: string[]][] = [
    ["none, by this format", safetensors, []],
    ["a probe that always says yes", { ...safetensors, probe: async () => true }, ["knows its own models"]],
    [
      "a hash that never changes",
      withModel(() => ({ hash: async () => `sha256:${"0".repeat(64)}` })),
      ["has a hash", "refuses unknown names"],
    ],
    [
      "rows in the order of the file",
      withModel((model) => ({ readRows: (name, rows) => model.readRows(name, [...rows].sort()) })),
      ["reads rows in any order"],
    ],
    [
      "a copy that is always a resumed one",
      { ...safetensors, create: (target, source, options) => safetensors.create(target, source, { resume: new Set(), ...options }) },
      ["refuses to write over a model"],
    ],
  ];
  for (const [name, format, laws] of cases) it(`are broken by ${name}`, async () => expect(await broken(format)).toEqual(laws));
});

describe("safetensors", () => {
  it("prunes a model as the README shows", async () => {
    const out = await makeTarget();

    const model = await safetensors.open(fileURLToPath(new URL("fixtures/llama", import.meta.url)));
    const sink = await safetensors.create(out, model);
    for (const [name, { dtype, shape }] of model.tensors) {
      if (!name.endsWith("proj.weight")) await sink.copy(name);
      else {
        const values = toFloat32(await model.read(name)).map((value) => (Math.abs(value) < 0.01 ? 0 : value));
        await sink.write(name, fromFloat32(dtype, shape, values));
      }
    }
    await sink.close();
    await model.close();

    const pruned = await opened(out);
    const values = toFloat32(await pruned.read("model.layers.0.mlp.up_proj.weight"));
    expect(values.some((value) => value === 0) && values.some((value) => Math.abs(value) >= 0.01)).toBe(true);
    expect(values.every((value) => value === 0 || Math.abs(value) >= 0.01)).toBe(true);
  });

  it("refuses to copy a model of another format", async () => {
    const source = { source: "m.gguf", format: "gguf" } as OpenModel; // nothing else of it may be looked at
    const message = "m.gguf is a gguf model: a safetensors model can be written only from another one";
    await expectError(() => safetensors.create("out", source), "unsupported", message);
  });
});
