import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeSafetensors, safetensors } from "../src/index.ts";
import { bitsOf, CONFIG, DTYPES, expectError, folderOf, newFolder, opened, randomTensor, shardedModel, singleModel } from "./support.ts";

const WEIGHTS = encodeSafetensors(new Map([["a", randomTensor("F32", [2, 3], 1)]]));

describe("a model", () => {
  it("of the golden llama opens with its config, tensors and files", async () => {
    const model = await opened(fileURLToPath(new URL("fixtures/llama", import.meta.url)));
    expect(model.config.model_type).toBe("llama");
    expect(model.tensors.size).toBe(29);
    expect(model.tensors.get("model.layers.1.self_attn.k_proj.weight")).toEqual({
      name: "model.layers.1.self_attn.k_proj.weight",
      dtype: "F32",
      shape: [24, 48],
      file: "model.safetensors",
    });
    expect(model.files).toEqual([{ name: "config.json", bytes: 714 }]);
    expect(model.tokenizer).toBeUndefined();
    expect(model.generationConfig).toBeUndefined();
    const norm = await model.read("model.norm.weight");
    expect(norm.data.every((value) => Number.isFinite(value))).toBe(true);
    // SHA-256 of the same stream, made by another program.
    expect(await model.hash()).toBe("sha256:d6cfbb54534f5a6d9f7b315fa1c8e75a965da74a88aecb91b36f0c5d1e39ddb9");
  });

  it("gives back the bits of every dtype, in one file or in shards, aligned in the file or not", async () => {
    const list = fc.uniqueArray(
      fc.record({
        name: fc.string({ minLength: 1 }).filter((name) => name !== "__metadata__"),
        dtype: fc.constantFrom(...DTYPES),
        shape: fc.array(fc.nat(5), { maxLength: 3 }),
      }),
      { selector: ({ name }) => name, minLength: 1, maxLength: 12 },
    );
    await fc.assert(
      fc.asyncProperty(list, fc.integer({ min: 1, max: 4 }), async (described, shards) => {
        const tensors = new Map(described.map(({ name, dtype, shape }, i) => [name, randomTensor(dtype, shape, i)]));
        const hashes: string[] = [];
        for (const path of [await singleModel(tensors), await shardedModel(tensors, shards)]) {
          const model = await opened(path);
          expect([...model.tensors.keys()].sort()).toEqual([...tensors.keys()].sort());
          for (const [name, t] of tensors) expect(bitsOf(await model.read(name))).toEqual(bitsOf(t));
          hashes.push(await model.hash());
        }
        expect(hashes[1]).toBe(hashes[0]); // the split does not count
      }),
      { numRuns: 25, examples: [[[{ name: "__proto__", dtype: "F64", shape: [] }], 1]] },
    );
  });

  it("reads rows as they are in the whole tensor", async () => {
    const whole = randomTensor("BF16", [50, 3], 3);
    const model = await opened(
      await singleModel(
        new Map([
          ["odd", randomTensor("I8", [3], 1)],
          ["a", whole],
        ]),
      ),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(49), { maxLength: 80 }), async (rows) => {
        const read = await model.readRows("a", rows);
        expect(read.shape).toEqual([rows.length, 3]);
        expect([...read.data]).toEqual(rows.flatMap((row) => [...whole.data.subarray(row * 3, row * 3 + 3)]));
      }),
    );
  });

  it("reads rows that are longer than the memory for runs of them", async () => {
    const whole = randomTensor("U8", [4, 700_000], 3);
    const model = await opened(await singleModel(new Map([["a", whole]])));
    const read = await model.readRows("a", [2, 3, 1, 2]);
    const wanted = [2, 3, 1, 2].map((row) => whole.data.subarray(row * 700_000, (row + 1) * 700_000) as Uint8Array);
    expect(Buffer.compare(read.data as Uint8Array, Buffer.concat(wanted))).toBe(0);
  });

  it("refuses rows that it does not have", async () => {
    const path = await singleModel(
      new Map([
        ["a", randomTensor("F32", [4, 2], 1)],
        ["s", randomTensor("F32", [], 1)],
      ]),
    );
    const model = await opened(path);
    const file = join(path, "model.safetensors");
    await expectError(() => model.readRows("a", [0, 4]), "input", `${file}: tensor "a" has the rows 0 to 3, but row 4 was asked for`);
    await expectError(() => model.readRows("a", [0.5]), "input", `${file}: tensor "a" has the rows 0 to 3, but row 0.5 was asked for`);
    await expectError(() => model.readRows("s", [0]), "input", `${file}: tensor "s" is a scalar: it has no rows`);
  });

  it("names the tensor when its file has become shorter", async () => {
    const path = await singleModel(
      new Map([
        ["a", randomTensor("F32", [4], 1)],
        ["b", randomTensor("F32", [4], 2)],
      ]),
    );
    const model = await opened(path);
    const file = join(path, "model.safetensors");
    const start = model.shards.get("model.safetensors") as unknown as { dataStart: number };
    await truncate(file, start.dataStart + 20);
    await model.read("a");
    const message = `${file}: the file now ends at byte ${start.dataStart + 20}, inside tensor "b": it has changed since it was opened`;
    await expectError(() => model.read("b"), "io", message);
    await expectError(() => model.readRows("b", [3]), "io", message.replace(/byte \d+/, `byte ${start.dataStart + 28}`));
    await expectError(() => model.hash(), "io", message);
  });

  it("has the tokenizer's files, a template in its own file first", async () => {
    const files = { "config.json": CONFIG, "model.safetensors": WEIGHTS, "tokenizer.json": '{"model":{}}' };
    const plain = await opened(await folderOf(files));
    expect(plain.tokenizer).toEqual({ tokenizer: { model: {} }, config: {} });
    const settings = { ...files, "tokenizer_config.json": '{"chat_template":"inner"}', "generation_config.json": '{"eos_token_id":[2,0]}' };
    const full = await opened(
      await folderOf({ ...settings, "chat_template.jinja": "own", "chat_template.json": '{"chat_template":"json"}' }),
    );
    expect(full.tokenizer).toEqual({ tokenizer: { model: {} }, config: { chat_template: "inner" }, chatTemplate: "own" });
    expect(full.generationConfig).toEqual({ eos_token_id: [2, 0] });
    const json = await opened(await folderOf({ ...settings, "chat_template.json": '{"chat_template":"json"}' }));
    expect(json.tokenizer?.chatTemplate).toBe("json");
  });

  it("hashes its config by content, not by its spelling", async () => {
    const configs = ['{"a":1,"b":[2]}', '{ "b": [2],\n "a": 1.0 }', '{"a":1,"b":[3]}'];
    const hashes: string[] = [];
    for (const config of configs) {
      const model = await opened(await folderOf({ "config.json": config, "model.safetensors": WEIGHTS }));
      hashes.push(await model.hash());
    }
    expect(hashes[1]).toBe(hashes[0]);
    expect(hashes[2]).not.toBe(hashes[0]);
  });

  it("in one file goes before an index beside it", async () => {
    const path = await folderOf({ "config.json": CONFIG, "model.safetensors": WEIGHTS, "model.safetensors.index.json": "{" });
    const model = await opened(path);
    expect([...model.tensors.keys()]).toEqual(["a"]);
  });

  it("may hold no tensor at all", async () => {
    const model = await opened(await singleModel(new Map<string, Tensor>()));
    expect(model.tensors.size).toBe(0);
  });
});

describe("a folder is refused", () => {
  const cases: [name: string, files: Record<string, string | Uint8Array>, code: string, message: (path: string) => string][] = [
    [
      "without config.json",
      { "model.safetensors": WEIGHTS },
      "not-found",
      (path) => `${path} has no config.json: give the folder of a Hugging Face model`,
    ],
    [
      "without weights",
      { "config.json": CONFIG },
      "not-found",
      (path) => `${path} has no weights: neither model.safetensors nor model.safetensors.index.json is there`,
    ],
    [
      "with pickled weights only",
      { "config.json": CONFIG, "pytorch_model.bin": "x" },
      "unsupported",
      (path) => `${path} has its weights as pytorch_model.bin, which can run code when it is read: save the model as safetensors first`,
    ],
    [
      "with pickled shards only",
      { "config.json": CONFIG, "pytorch_model-00001-of-00002.bin": "x" },
      "unsupported",
      (path) =>
        `${path} has its weights as pytorch_model-00001-of-00002.bin, which can run code when it is read: save the model as safetensors first`,
    ],
    [
      "with quantized weights",
      { "config.json": '{"quantization_config":{"quant_method":"gptq"}}', "model.safetensors": WEIGHTS },
      "unsupported",
      (path) => `${path} is quantized (gptq), as quantization_config in its config.json says: give the model that it was made from`,
    ],
    [
      "with code of its own",
      { "config.json": '{"auto_map":{"AutoModel":"m.M"}}', "model.safetensors": WEIGHTS },
      "unsupported",
      (path) => `${path} brings its own code, as auto_map in its config.json says: models with code of their own are not supported`,
    ],
    [
      "with a broken config",
      { "config.json": '{\n  "a": 1,\n  "b" 2\n}', "model.safetensors": WEIGHTS },
      "format",
      (path) => `${path}/config.json is not valid JSON at line 3, column 7: found "2", wanted ":"`,
    ],
    [
      "with a config that is no object",
      { "config.json": "[]", "model.safetensors": WEIGHTS },
      "format",
      (path) => `${path}/config.json holds an array, wanted an object`,
    ],
    [
      "with a config that is not UTF-8",
      { "config.json": Buffer.from([0x7b, 0xff]), "model.safetensors": WEIGHTS },
      "format",
      (path) => `${path}/config.json is not UTF-8`,
    ],
    [
      "with a broken generation config",
      { "config.json": CONFIG, "model.safetensors": WEIGHTS, "generation_config.json": "{" },
      "format",
      (path) =>
        `${path}/generation_config.json is not valid JSON at line 1, column 2: found the end of the text, wanted a key in double quotes`,
    ],
    [
      "with a broken tokenizer",
      { "config.json": CONFIG, "model.safetensors": WEIGHTS, "tokenizer.json": "null" },
      "format",
      (path) => `${path}/tokenizer.json holds null, wanted an object`,
    ],
    [
      "with a truncated weight file",
      { "config.json": CONFIG, "model.safetensors": WEIGHTS.subarray(0, -5) },
      "format",
      (path) => `${path}/model.safetensors: tensor "a": the file is truncated: it has 19 of the 24 bytes of data that its header describes`,
    ],
    [
      "with an empty weight file",
      { "config.json": CONFIG, "model.safetensors": "" },
      "format",
      (path) => `${path}/model.safetensors: the file has 0 bytes, but a safetensors file begins with 8 bytes that give its header's length`,
    ],
  ];
  for (const [name, files, code, message] of cases) {
    it(name, async () => {
      const path = await folderOf(files);
      expect(await safetensors.probe(path)).toBe(true);
      await expectError(() => opened(path), code, message(path));
    });
  }

  it("that is not there, is a file, or holds a model of another format", async () => {
    const path = await folderOf({ file: "x", "gguf/config.json": CONFIG, "gguf/model.gguf": "x" });
    await expectError(() => opened(join(path, "none")), "not-found", `${join(path, "none")} does not exist`);
    await expectError(
      () => opened(join(path, "file")),
      "unsupported",
      `${join(path, "file")} is a file: give the folder of the model, with its config.json`,
    );
    for (const name of ["none", "file", "gguf", "."]) expect(await safetensors.probe(join(path, name))).toBe(false);
  });

  it("with a link that leads nowhere, unless it is one that is not read", async () => {
    const path = await singleModel();
    await symlink("../../blobs/1", join(path, "pytorch_model.bin"));
    await opened(path);
    await symlink("../../blobs/0f1e", join(path, "tokenizer.json"));
    const file = join(path, "tokenizer.json");
    await expectError(
      () => opened(path),
      "format",
      `${file} is a link to ../../blobs/0f1e, which does not exist: the model is not complete, download it again`,
    );
  });

  it("whatever else in it is no file is not looked at", async () => {
    const path = await newFolder();
    await mkdir(join(path, "onnx"));
    await symlink("onnx", join(path, "link"));
    await writeFile(join(path, "config.json"), '{"quantization_config":null,"auto_map":null}');
    await writeFile(join(path, "model.safetensors"), WEIGHTS);
    const model = await opened(path);
    expect(model.files.map(({ name }) => name)).toEqual(["config.json"]);
  });
});
