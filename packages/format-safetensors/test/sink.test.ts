import { readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type SafetensorsModel, safetensors } from "../src/index.ts";
import { bitsOf, expectError, newFolder, opened, randomTensor, shardedModel, singleModel } from "./support.ts";

/** Each file of a folder by name. */
async function bytesIn(path: string): Promise<Record<string, string>> {
  const names = (await readdir(path)).sort();
  return Object.fromEntries(await Promise.all(names.map(async (name) => [name, (await readFile(join(path, name))).toString("base64")])));
}

async function fullCopy(model: SafetensorsModel, names: readonly string[] = [...model.tensors.keys()]): Promise<string> {
  const target = join(await newFolder(), "deep", "out");
  const sink = await safetensors.create(target, model);
  for (const [i, name] of names.entries()) await (i % 2 === 0 ? sink.copy(name) : sink.write(name, await model.read(name)));
  await sink.close();
  return target;
}

describe("a sink", () => {
  it("writes the same bytes in any order, and after any number of interruptions", async () => {
    for (const path of [await singleModel(), await shardedModel()]) {
      const model = await opened(path);
      const names = [...model.tensors.keys()];
      const whole = await bytesIn(await fullCopy(model));
      const plan = fc.record({
        order: fc.shuffledSubarray(names, { minLength: names.length }),
        stops: fc.array(fc.nat(names.length), { maxLength: 3 }),
        torn: fc.boolean(),
      });
      await fc.assert(
        fc.asyncProperty(plan, async ({ order, stops, torn }) => {
          const target = join(await newFolder(), "out");
          const done = new Set<string>();
          let sink = await safetensors.create(target, model);
          for (const [i, name] of order.entries()) {
            if (stops.includes(i)) {
              // What was being written when the run was stopped is there in part, or with other bits.
              const info = model.tensors.get(name);
              if (torn && info !== undefined) await sink.write(name, randomTensor(info.dtype, info.shape, i));
              sink = await safetensors.create(target, model, { resume: new Set(done) });
              for (const earlier of done) expect(bitsOf(await sink.readBack(earlier))).toEqual(bitsOf(await model.read(earlier)));
            }
            await (i % 2 === 0 ? sink.copy(name) : sink.write(name, await model.read(name)));
            if (i % 3 === 0) await sink.flush();
            done.add(name);
          }
          await sink.close();
          expect(await bytesIn(target)).toEqual(whole);
        }),
        { numRuns: 15 },
      );
    }
  });

  it("has files of full length from the start", async () => {
    const model = await opened(await shardedModel());
    const done = await bytesIn(await fullCopy(model));
    const target = join(await newFolder(), "out");
    await safetensors.create(target, model);
    const begun = await bytesIn(target);
    expect(Object.keys(begun)).toEqual(Object.keys(done));
    for (const [name, bytes] of Object.entries(begun)) expect([name, bytes.length]).toEqual([name, done[name]?.length]);
  });

  it("says that the tensors are as PyTorch keeps them, and keeps other metadata", async () => {
    const model = await opened(await singleModel());
    const copy = await opened(await fullCopy(model));
    expect(copy.shards.get("model.safetensors")?.metadata).toEqual({ format: "pt", note: "kept" });
  });

  it("keeps the index and counts its total again", async () => {
    const model = await opened(await shardedModel());
    const target = await fullCopy(model);
    const index = JSON.parse(await readFile(join(target, "model.safetensors.index.json"), "utf8"));
    let total = 0;
    for (const { tensors } of model.shards.values()) total += tensors.at(-1)?.end ?? 0;
    expect(index).toEqual({ metadata: { total_size: total, other: "kept" }, weight_map: Object.fromEntries(model.index?.weightMap ?? []) });
  });

  it("writes the golden file again byte for byte", async () => {
    const path = fileURLToPath(new URL("fixtures/llama", import.meta.url));
    const model = await opened(path);
    expect(await bytesIn(await fullCopy(model))).toEqual(await bytesIn(path));
  });

  it("copies tensors that are larger than the pieces they are read in", async () => {
    const large = randomTensor("BF16", [3, 500_001], 1);
    const tensors = new Map([
      ["a", randomTensor("I8", [3], 2)],
      ["large", large],
      ["z", randomTensor("I8", [3], 3)],
    ]);
    const model = await opened(await singleModel(tensors));
    const copy = await opened(await fullCopy(model, ["large", "a", "z"]));
    expect(Buffer.compare(bitsOf(await copy.read("large")).bytes, bitsOf(large).bytes)).toBe(0);
    expect(await copy.hash()).toBe(await model.hash());
  });

  it("takes writes at once", async () => {
    const model = await opened(await shardedModel());
    const target = join(await newFolder(), "out");
    const sink = await safetensors.create(target, model);
    await Promise.all([...model.tensors.keys()].map(async (name) => sink.write(name, await model.read(name))));
    await sink.close();
    await sink.close(); // nothing more to do
    expect(await bytesIn(target)).toEqual(await bytesIn(await fullCopy(model)));
  });

  it("may be given up and resumed by a run that has not written anything yet", async () => {
    const model = await opened(await shardedModel());
    const target = join(await newFolder(), "out");
    await safetensors.create(target, model);
    await rm(join(target, "model-00002-of-00003.safetensors"));
    const sink = await safetensors.create(target, model, { resume: new Set() });
    for (const name of model.tensors.keys()) await sink.write(name, await model.read(name));
    await sink.close();
    expect(await bytesIn(target)).toEqual(await bytesIn(await fullCopy(model)));
  });
});

describe("a sink is refused", () => {
  const END = "the work cannot go on from here, begin again with --restart";

  async function begun(): Promise<{ model: SafetensorsModel; target: string; file: string }> {
    const model = await opened(await singleModel());
    const target = join(await newFolder(), "out");
    const sink = await safetensors.create(target, model);
    await sink.write("odd", await model.read("odd"));
    return { model, target, file: join(target, "model.safetensors") };
  }

  it("where weights are", async () => {
    const { model, target, file } = await begun();
    await expectError(() => safetensors.create(target, model), "exists", `${file} exists already`);
    await rm(file);
    await symlink("nowhere", file);
    await expectError(() => safetensors.create(target, model), "exists", `${file} exists already`);
  });

  it("in the model's own folder, also through a link", async () => {
    const { model, target } = await begun();
    const link = join(target, "link");
    await symlink(model.path, link);
    for (const path of [model.path, link, `${link}/.`]) {
      const message = `${path}: it is the folder of the model itself, ${model.source}`;
      await expectError(() => safetensors.create(path, model), "exists", message);
      await expectError(() => safetensors.create(path, model, { resume: new Set() }), "exists", message);
    }
  });

  it("where a file is in the way", async () => {
    const { model, file } = await begun();
    await expectError(
      () => safetensors.create(join(file, "out"), model),
      "io",
      `cannot make the folder ${file}/out: a part of the path is not a folder`,
    );
  });

  it("to go on with a file of another length", async () => {
    const { model, target, file } = await begun();
    const { length } = await readFile(file);
    await truncate(file, length - 1);
    const message = `${file}: the file has ${length - 1} bytes, wanted ${length}: ${END}`;
    await expectError(() => safetensors.create(target, model, { resume: new Set() }), "format", message);
  });

  it("to go on with a file of another header", async () => {
    const { model, target, file } = await begun();
    const bytes = await readFile(file);
    await writeFile(file, bytes.fill(0x21, 12, 13));
    const message = `${file}: the file's header is not the one that this model's has: ${END}`;
    await expectError(() => safetensors.create(target, model, { resume: new Set() }), "format", message);
  });

  it("to go on without the file of a written tensor", async () => {
    const { model, target, file } = await begun();
    await rm(file);
    const message = `${file}: the file is missing, though tensor "odd" is said to be written there: ${END}`;
    await expectError(() => safetensors.create(target, model, { resume: new Set(["odd"]) }), "format", message);
  });

  it("to go on with tensors of another model", async () => {
    const { model, target } = await begun();
    const message = `${target}: tensor "b", said to be written, is not one of the model's: ${END}`;
    await expectError(() => safetensors.create(target, model, { resume: new Set(["b"]) }), "format", message);
  });

  it("tensors that do not fit", async () => {
    const { model, target, file } = await begun();
    const sink = await safetensors.create(target, model, { resume: new Set(["odd"]) });
    const name = "model.layers.0.norm.weight";
    const at = `${file}: tensor "${name}":`;
    await expectError(
      () => sink.write(name, tensor("BF16", [5])),
      "internal",
      `${at} it came as BF16 of shape [5], wanted F32 of shape [5]`,
    );
    await expectError(
      () => sink.write(name, tensor("F32", [5, 1])),
      "internal",
      `${at} it came as F32 of shape [5, 1], wanted F32 of shape [5]`,
    );
    const short = { dtype: "F32", shape: [5], data: new Float32Array(4) } as const;
    await expectError(() => sink.write(name, short), "internal", `${at} it came with 4 elements, wanted 5`);
    await expectError(() => sink.write("b", short), "internal", `${target}: tensor "b": not one of those laid out`);
    await expectError(() => sink.readBack(name), "internal", `${at} not written yet`);
    await expectError(async () => sink.write("odd", await model.read("odd")), "internal", `${file}: tensor "odd": written twice`);
    const missing = `${target}: tensor "${name}": never written, as ${model.tensors.size - 1} of ${model.tensors.size} tensors`;
    await expectError(() => sink.close(), "internal", missing);
    for (const rest of model.tensors.keys()) if (rest !== "odd") await sink.write(rest, await model.read(rest));
    await sink.close();
    await expectError(() => sink.write(name, short), "io", `${target}: it has been closed`);
    await expectError(() => sink.readBack(name), "io", `${target}: it has been closed`);
    await expectError(() => sink.flush(), "io", `${target}: it has been closed`);
  });

  it("a write to a file that has gone, which may be tried again", async () => {
    const { model, target, file } = await begun();
    const sink = await safetensors.create(target, model, { resume: new Set(["odd"]) });
    const bytes = await readFile(file);
    await rm(file);
    const scalar = await model.read("scalar");
    await expectError(() => sink.write("scalar", scalar), "io", `cannot write ${file} (tensor "scalar"): no such file or folder`);
    await writeFile(file, bytes);
    await sink.write("scalar", scalar);
    expect(bitsOf(await sink.readBack("scalar"))).toEqual(bitsOf(scalar));
  });
});
