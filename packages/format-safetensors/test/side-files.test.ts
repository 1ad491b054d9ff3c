import { createHash } from "node:crypto";
import { lstat, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { encodeSafetensors, safetensors, sameDirectory } from "../src/index.ts";
import { bitsOf, CONFIG, expectError, folderOf, newFolder, opened, randomTensor } from "./support.ts";

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

const TENSORS = new Map([
  ["model.layers.0.input_layernorm.weight", randomTensor("F32", [8], 1)],
  ["model.layers.0.mlp.up_proj.weight", randomTensor("BF16", [16, 8], 2)],
]);

const FILES: Readonly<Record<string, string | Uint8Array>> = {
  "config.json": CONFIG,
  "model.safetensors": encodeSafetensors(TENSORS, { format: "pt" }),
  "tokenizer.json": '{"model":{}}',
  "chat_template.jinja": "{{ messages }}",
  "generation_config.json": '{"eos_token_id":2}',
  "special_tokens_map.json": "{}",
  LICENSE: "text",
};

/** A snapshot as the Hugging Face cache keeps it: relative links into `blobs`, which are named after their hashes and read-only. */
async function cachedModel(): Promise<{ cache: string; blobs: string; snapshot: string }> {
  const cache = join(await newFolder(), "models--some-org--tiny");
  const [blobs, snapshot] = [join(cache, "blobs"), join(cache, "snapshots", "5f0c")];
  await mkdir(blobs, { recursive: true });
  await mkdir(snapshot, { recursive: true });
  for (const [name, content] of Object.entries({ ...FILES, "README.md": "# Tiny\n" })) {
    const hash = sha256(Buffer.from(content as string));
    await writeFile(join(blobs, hash), content, { mode: 0o444 });
    await symlink(join("../../blobs", hash), join(snapshot, name));
  }
  return { cache, blobs, snapshot };
}

async function prune(source: string, target: string): Promise<void> {
  const model = await opened(source);
  const sink = await safetensors.create(target, model);
  for (const [name, info] of model.tensors) await sink.write(name, randomTensor(info.dtype, info.shape, 9));
  await sink.close();
}

describe("a model in the Hugging Face cache", () => {
  it("becomes plain files with every side file and every dtype, and its blobs stay as they are", async () => {
    const { blobs, snapshot } = await cachedModel();
    const target = join(await newFolder(), "out");
    await prune(snapshot, target);

    expect((await readdir(target)).sort()).toEqual([...Object.keys(FILES), "README.md"].sort());
    for (const name of await readdir(target)) {
      const found = await lstat(join(target, name));
      expect([name, found.isFile(), (found.mode & 0o200) !== 0]).toEqual([name, true, true]);
      if (name in FILES && name !== "model.safetensors") expect((await readFile(join(target, name))).toString()).toBe(FILES[name]);
    }
    expect(await readFile(join(target, "README.md"), "utf8")).toBe("---\nbase_model: some-org/tiny\n---\n\n# Tiny\n");
    const out = await opened(target);
    for (const [name, { dtype, shape }] of TENSORS) {
      expect(bitsOf(await out.read(name))).toEqual(bitsOf(randomTensor(dtype, shape, 9)));
    }
    for (const hash of await readdir(blobs)) expect(sha256(await readFile(join(blobs, hash)))).toBe(hash);
  });

  it("is refused when one of its links leads nowhere, by that link's name", async () => {
    const { snapshot } = await cachedModel();
    const link = join(snapshot, "vocab.json");
    await symlink("../../blobs/0000", link);
    const message = `${link} is a link to ../../blobs/0000, which does not exist: the model is not complete, download it again`;
    await expectError(() => opened(snapshot), "format", message);
  });

  it("is noticed when the output reaches it through another link, and stays as it is", async () => {
    const { cache, blobs, snapshot } = await cachedModel();
    const other = await newFolder();
    await symlink(cache, join(other, "cache"));
    await symlink(snapshot, join(other, "direct"));
    for (const target of [join(other, "cache", "snapshots", "5f0c"), join(other, "direct")]) {
      expect(await sameDirectory(target, snapshot)).toBe(true);
      await expectError(() => prune(snapshot, target), "exists", `${target}: it is the folder of the model itself, ${snapshot}`);
    }
    for (const hash of await readdir(blobs)) expect(sha256(await readFile(join(blobs, hash)))).toBe(hash);
  });
});

describe("side files", () => {
  it("are all but weights, version control and folders", async () => {
    const left = {
      ".gitattributes": "x",
      "pytorch_model.bin": "x",
      "m.gguf": "x",
      "m.onnx": "x",
      "tf_model.h5": "x",
      "consolidated.safetensors": "x",
    };
    const path = await folderOf({ ...FILES, ...left, "onnx/model.json": "x" });
    const model = await opened(path);
    expect(model.files).toContainEqual({ name: "LICENSE", bytes: 4 });
    expect(model.files.map(({ name }) => name)).toEqual(
      Object.keys(FILES)
        .filter((name) => name !== "model.safetensors")
        .sort(),
    );
    const target = join(await newFolder(), "out");
    await prune(path, target);
    expect((await readdir(target)).sort()).toEqual(Object.keys(FILES).sort()); // no card is made where there is none
  });

  it("are copied again on resume when they are not complete, and only then", async () => {
    const model = await opened(await folderOf({ ...FILES, "README.md": "# Tiny\n", big: new Uint8Array(2_500_000).fill(7) }));
    const target = join(await newFolder(), "out");
    await safetensors.create(target, model);
    expect(Buffer.compare(await readFile(join(target, "big")), new Uint8Array(2_500_000).fill(7))).toBe(0);
    await writeFile(join(target, "LICENSE"), "t");
    await writeFile(join(target, "tokenizer.json"), "same length!");
    await writeFile(join(target, "README.md"), "short");
    await safetensors.create(target, model, { resume: new Set() });
    expect(await readFile(join(target, "LICENSE"), "utf8")).toBe("text");
    expect(await readFile(join(target, "tokenizer.json"), "utf8")).toBe("same length!");
    expect(await readFile(join(target, "README.md"), "utf8")).toMatch(/^---\nbase_model: .*\n---\n\n# Tiny\n$/);
  });

  it("take the place of a link instead of writing through it", async () => {
    const model = await opened(await folderOf(FILES));
    const target = await folderOf({ elsewhere: "precious" });
    await symlink("elsewhere", join(target, "LICENSE"));
    await safetensors.create(target, model);
    expect(await readFile(join(target, "elsewhere"), "utf8")).toBe("precious");
    expect((await lstat(join(target, "LICENSE"))).isFile()).toBe(true);
  });
});

describe("sameDirectory", () => {
  it("sees through links and spellings, and takes what does not exist for nothing", async () => {
    const path = await folderOf({ "a/x": "", "b/x": "" });
    await symlink("a", join(path, "link"));
    expect(await sameDirectory(join(path, "a"), `${path}/b/../link/`)).toBe(true);
    expect(await sameDirectory(join(path, "a"), join(path, "b"))).toBe(false);
    expect(await sameDirectory(join(path, "a"), join(path, "none"))).toBe(false);
    expect(await sameDirectory(join(path, "none"), join(path, "none"))).toBe(false);
  });
});
