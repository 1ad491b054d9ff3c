import { existsSync, readFileSync, readlinkSync, symlinkSync } from "node:fs";
import { cp, lstat, mkdir, readdir, readFile, rename, unlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { decodeSafetensors, safetensors } from "@secateur/format-safetensors";
import type { Format } from "@secateur/kit";
import { bytesOf, type Tensor, toFloat32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type Manifest, type PruneEvent, parseRecipe, partialFolder, planPrune, prune } from "../src/index.ts";
import { planKey } from "../src/plan.ts";
import { goldenFolder } from "./golden-cases.ts";
import { partsOf, run } from "./run.ts";
import {
  changedTensors,
  copyGolden,
  failureOf,
  filesOf,
  goldenRecipe,
  newFolder,
  randomLlama,
  randomRows,
  taskA,
  tensorsOf,
  withBackend,
  writeFiles,
} from "./support.ts";

const prunedNames = (manifest: Manifest): string[] => manifest.tensors.map(({ tensor }) => tensor);

describe("what comes out", () => {
  it("is the model with some weights zero, and all else as it was", async () => {
    const folder = await newFolder();
    const model = join(folder, "model");
    const sizes = { hidden: 32, ffn: 48, blocks: 2, heads: 4, kvHeads: 2, vocabulary: 64, positions: 64 };
    await randomLlama(model, sizes); // BF16, norms F32
    const extra = { "tokenizer_config.json": { a: 1 }, LICENSE: "as is\r\n", "chat_template.jinja": "{{ x }}" };
    await writeFiles(model, extra);
    await writeFiles(folder, { "data.jsonl": randomRows(4, 16, 64) });
    const out = join(folder, "out");
    const manifest = await withBackend((backend) =>
      run({ model, general: [{ source: join(folder, "data.jsonl") }], sparsity: 0.5 }, out, backend),
    );
    const [before, after] = [tensorsOf(model), tensorsOf(out)];
    expect([...after.keys()]).toEqual([...before.keys()]);
    const pruned = new Set(prunedNames(manifest));
    expect(pruned.size).toBe(14);
    for (const [name, tensor] of after) {
      const old = before.get(name) as Tensor;
      expect([name, tensor.dtype, tensor.shape]).toEqual([name, old.dtype, old.shape]);
      if (!pruned.has(name)) expect(bytesOf(tensor)).toEqual(bytesOf(old));
      else for (let i = 0; i < tensor.data.length; i++) if (tensor.data[i] !== 0) expect(tensor.data[i]).toBe(old.data[i]);
    }
    for (const { tensor, zeros, shape } of manifest.tensors) {
      const values = toFloat32(after.get(tensor) as Tensor);
      expect(values.filter((value) => value === 0).length).toBe(zeros);
      expect(zeros).toBe((shape[0] * shape[1]) / 2);
    }
    expect(manifest.sparsity).toEqual({ zeros: manifest.sparsity.of / 2, of: manifest.sparsity.of, ratio: 0.5 });
    expect(decodeSafetensors(readFileSync(join(out, "model.safetensors")), "").metadata).toEqual({ format: "pt" });
    for (const name of Object.keys(extra)) expect(readFileSync(join(out, name))).toEqual(readFileSync(join(model, name)));
    expect((await readdir(out)).sort()).toEqual([...(await readdir(model)), "run.json", "secateur.json"].sort());
    expect(existsSync(partialFolder(out))).toBe(false);
  });

  it("has a page of its manifest where somebody makes one, and a warning where that fails", async () => {
    const folder = await newFolder();
    const messages: string[] = [];
    const emit = (event: PruneEvent): void => void (event.type === "warning" && messages.push(event.message));
    await withBackend(async (backend) => {
      const report = async ({ sparsity }: Manifest): Promise<string> => `${sparsity.ratio} zeros`;
      await run(goldenRecipe("llama", { samples: 6 }), join(folder, "a"), backend, { report, emit });
      expect(await readFile(join(folder, "a/report.html"), "utf8")).toBe("0.5 zeros");
      const fail = () => Promise.reject(new Error("out of paper"));
      await run(goldenRecipe("llama", { samples: 6 }), join(folder, "b"), backend, { report: fail, emit });
    });
    expect(existsSync(join(folder, "b/report.html"))).toBe(false);
    expect(messages).toEqual(["report.html was not made: out of paper"]);
  });

  it("is the same bytes twice, and again from the manifest's recipe", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const recipe = goldenRecipe("llama", {
        tasks: [taskA()],
        weights: { a: 0.25 },
        fusion: "shared-exclusive",
        fusionOptions: { tau: 0.2 },
        exclude: ["*v_proj*"],
      });
      await run(recipe, join(folder, "a"), backend);
      await run(recipe, join(folder, "b"), backend);
      expect(filesOf(join(folder, "b"))).toEqual(filesOf(join(folder, "a")));

      const manifest = JSON.parse(await readFile(join(folder, "a/secateur.json"), "utf8"));
      const again = parseRecipe(manifest.recipe);
      await run(again, join(folder, "c"), backend);
      expect(filesOf(join(folder, "c"))).toEqual(filesOf(join(folder, "a")));
      const keys = await Promise.all(
        [parseRecipe(recipe), again].map(async (one) => {
          const plan = await planPrune(one, await partsOf(one, 512), undefined);
          await plan.close();
          return planKey(plan, "sha256:0", backend.description, "0.0.0");
        }),
      );
      expect(keys[0]).toBe(keys[1]);
    });
  });

  it("does not pass on what an earlier run said of the source", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const first = join(folder, "first");
      await run(goldenRecipe("llama", { sparsity: 0.25 }), first, backend);
      await writeFiles(first, { "report.html": "about 25 %" });
      const manifest = await run(goldenRecipe("llama", { model: first, propagate: "none" }), join(folder, "second"), backend);
      expect(JSON.parse(await readFile(join(folder, "second/secateur.json"), "utf8"))).toEqual(JSON.parse(JSON.stringify(manifest)));
      expect(manifest.tensors[0]).toMatchObject({ zerosBefore: 48 * 12, zeros: 48 * 24 });
      expect(existsSync(join(folder, "second/report.html"))).toBe(false);
      // A file of that name in a model that was not pruned here is the model's own.
      const model = await copyGolden("llama", { "report.html": "mine" });
      await run(goldenRecipe("llama", { model }), join(folder, "third"), backend);
      expect(await readFile(join(folder, "third/report.html"), "utf8")).toBe("mine");
    });
  });

  it("takes names with any characters", async () => {
    const folder = join(await newFolder(), "50% off #ä?");
    const model = await copyGolden("llama", {}, join(folder, "model"));
    await cp(join(goldenFolder("llama"), "calibration.jsonl"), join(folder, "data.jsonl"));
    const out = join(folder, "out");
    const manifest = await withBackend((backend) =>
      run({ model, general: [{ source: join(folder, "data.jsonl") }], sparsity: 0.5 }, out, backend),
    );
    expect(manifest.recipe.model).toMatch(/\/50% off #ä\?\/model$/);
    expect(new Set(changedTensors(model, out))).toEqual(new Set(prunedNames(manifest)));
  });

  it("tells no absolute path", async () => {
    const out = join(await newFolder(), "out");
    await withBackend((backend) => run(goldenRecipe("llama", { tasks: [taskA()] }), out, backend));
    const strings: string[] = [];
    JSON.parse(await readFile(join(out, "secateur.json"), "utf8"), (_, value) => {
      if (typeof value === "string") strings.push(value);
      return value;
    });
    expect(strings.filter((value) => value.startsWith("/"))).toEqual([]);
    expect(strings).toContain(relative(process.cwd(), goldenFolder("llama")));
  });
});

describe("a snapshot of the Hugging Face cache", () => {
  async function snapshot(): Promise<{ root: string; model: string; blobs: string }> {
    const root = await newFolder();
    const blobs = join(root, "models--you--tiny/blobs");
    const model = join(root, "models--you--tiny/snapshots/0123");
    await copyGolden(
      "llama",
      { "generation_config.json": {}, "chat_template.jinja": "x", "special_tokens_map.json": {}, "README.md": "# Tiny\n" },
      blobs,
    );
    await mkdir(model, { recursive: true });
    for (const [i, name] of (await readdir(blobs)).entries()) {
      await rename(join(blobs, name), join(blobs, `blob${i}`));
      symlinkSync(`../../blobs/blob${i}`, join(model, name));
    }
    return { root, model, blobs };
  }

  it("gives a folder of plain files and stays as it is", async () => {
    const { root, model, blobs } = await snapshot();
    const before = filesOf(blobs);
    const out = join(root, "out");
    const recipe = goldenRecipe("llama", { model });
    await withBackend((backend) => run(recipe, out, backend));
    for (const name of await readdir(out)) expect([name, (await lstat(join(out, name))).isFile()]).toEqual([name, true]);
    expect((await readdir(out)).sort()).toEqual([...(await readdir(model)), "run.json", "secateur.json"].sort());
    expect(await readFile(join(out, "README.md"), "utf8")).toContain("base_model: you/tiny");
    expect(filesOf(blobs)).toEqual(before);
  });

  it("is not overwritten through another link", async () => {
    const { root, model } = await snapshot();
    symlinkSync(model, join(root, "current"));
    const out = join(root, "current");
    const failure = await failureOf(() => withBackend((backend) => run(goldenRecipe("llama", { model }), out, backend)));
    expect(failure).toEqual(["usage", `--out ${out} is the model's own folder: give another`]);
    expect(existsSync(partialFolder(out))).toBe(false);
  });

  it("with a link that leads nowhere is refused", async () => {
    const { root, model } = await snapshot();
    const blob = readlinkSync(join(model, "generation_config.json"));
    await unlink(join(model, blob));
    const failure = await failureOf(() => withBackend((backend) => run(goldenRecipe("llama", { model }), join(root, "out"), backend)));
    expect(failure).toEqual([
      "format",
      `${model}/generation_config.json is a link to ${blob}, which does not exist: the model is not complete, download it again`,
    ]);
  });
});

describe("an output that is there already", () => {
  async function forced(out: string, format: Format = safetensors): Promise<void> {
    const recipe = parseRecipe(goldenRecipe("llama"));
    const parts = { ...(await partsOf(recipe, 512)), format };
    const plan = await planPrune(recipe, parts, { path: out, force: true });
    try {
      await withBackend((backend) => prune(plan, { out, format, backend, version: "0.0.0" }));
    } finally {
      await plan.close();
    }
  }

  it("is refused, and with force replaced at the end", async () => {
    const out = join(await newFolder(), "out");
    await writeFiles(out, { "old/deep.txt": "old" });
    const failure = await failureOf(() => withBackend((backend) => run(goldenRecipe("llama"), out, backend)));
    expect(failure).toEqual(["exists", `--out ${out} exists and is not empty: give another, or --force to replace it`]);
    let seen = "";
    await forced(out, {
      ...safetensors,
      async create(...args) {
        const sink = await safetensors.create(...args);
        return {
          ...sink,
          async close() {
            await sink.close();
            seen = await readFile(join(out, "old/deep.txt"), "utf8");
          },
        };
      },
    });
    expect(seen).toBe("old");
    expect([existsSync(join(out, "old")), existsSync(join(out, "model.safetensors")), existsSync(partialFolder(out))]).toEqual([
      false,
      true,
      false,
    ]);
  });

  it("stays when the run fails", async () => {
    const out = join(await newFolder(), "out");
    await writeFiles(out, { "old.txt": "old" });
    const failing: Format = {
      ...safetensors,
      async create(...args) {
        return { ...(await safetensors.create(...args)), close: () => Promise.reject(new Error("the cable was pulled")) };
      },
    };
    await expect(forced(out, failing)).rejects.toThrow("the cable was pulled");
    expect(await readFile(join(out, "old.txt"), "utf8")).toBe("old");
    await forced(out);
    expect(JSON.parse(await readFile(join(out, "run.json"), "utf8")).resumedSections).toBe(3);
  });

  it("is not replaced without force when it comes there during the run", async () => {
    const out = join(await newFolder(), "out");
    const failure = await failureOf(() =>
      withBackend((backend) =>
        run(goldenRecipe("llama"), out, backend, {
          emit: (event) => {
            if (event.type === "block" && event.block === 2) symlinkSync(goldenFolder("qwen2"), out);
          },
        }),
      ),
    );
    expect(failure).toEqual(["usage", `--out ${out} is a link, which the model's folder would take the place of: give another`]);
    expect(existsSync(join(goldenFolder("qwen2"), "model.safetensors"))).toBe(true);
    await unlink(out);
    await withBackend((backend) => run(goldenRecipe("llama"), out, backend));
    expect(JSON.parse(await readFile(join(out, "run.json"), "utf8")).resumedSections).toBe(3);
  });
});
