import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { decodeSafetensors, encodeSafetensors } from "@secateur/format-safetensors";
import { f32ToF16 } from "@secateur/tensor";
import { expect, it } from "vitest";
import { partialFolder } from "../src/index.ts";
import { run } from "./run.ts";
import { copyGolden, failureOf, goldenRecipe, newFolder, randomLlama, randomRows, withBackend, writeFiles } from "./support.ts";

it.each([
  ["model.layers.2.mlp.down_proj.weight", 5, Number.NaN, "NaN"],
  ["model.layers.0.self_attn.q_proj.weight", 0, Number.POSITIVE_INFINITY, "Infinity"],
  ["model.embed_tokens.weight", 96 * 48 - 1, Number.NEGATIVE_INFINITY, "-Infinity"],
  ["model.norm.weight", 47, Number.NaN, "NaN"],
])("refuses %s with entry %i = %d", async (name, entry, value, shown) => {
  const model = await copyGolden("llama");
  const path = join(model, "model.safetensors");
  const tensors = new Map(decodeSafetensors(readFileSync(path), path).tensors);
  (tensors.get(name)?.data as Float32Array)[entry] = value;
  await writeFiles(model, { "model.safetensors": encodeSafetensors(tensors, {}) });
  const out = join(await newFolder(), "out");
  expect(await failureOf(() => withBackend((backend) => run(goldenRecipe("llama", { model }), out, backend)))).toEqual([
    "input",
    `${model}: ${name} holds ${shown} at entry ${entry}; every weight must be finite`,
  ]);
  expect([existsSync(out), existsSync(partialFolder(out))]).toEqual([false, false]);
});

it.each<["F16" | "BF16" | "F64", number | bigint, string]>([
  ["F16", 0x7c00, "Infinity"],
  ["F16", 0xfc01, "NaN"],
  ["BF16", 0xff80, "-Infinity"],
  ["BF16", 0x7f81, "NaN"],
  ["F64", Number.NaN, "NaN"],
])("sees it in %s", async (dtype, value, shown) => {
  const folder = await newFolder();
  const model = join(folder, "model");
  await randomLlama(model, { hidden: 16, ffn: 16, blocks: 1, heads: 2, kvHeads: 1, vocabulary: 32, positions: 32 }, dtype);
  await writeFiles(folder, { "data.jsonl": randomRows(1, 8, 32) });
  const recipe = { model, general: [{ source: join(folder, "data.jsonl") }], sparsity: 0.5 };
  await withBackend((backend) => run(recipe, join(folder, "finite"), backend));
  const path = join(model, "model.safetensors");
  const tensors = new Map(decodeSafetensors(readFileSync(path), path).tensors);
  const name = "model.layers.0.mlp.up_proj.weight";
  (tensors.get(name)?.data as Uint16Array | Float64Array)[7] = value as number;
  await writeFiles(model, { "model.safetensors": encodeSafetensors(tensors, {}) });
  expect(await failureOf(() => withBackend((backend) => run(recipe, join(folder, "out"), backend)))).toEqual([
    "input",
    `${model}: ${name} holds ${shown} at entry 7; every weight must be finite`,
  ]);
});

it("takes the largest and the smallest numbers of a half", async () => {
  const folder = await newFolder();
  const model = join(folder, "model");
  await randomLlama(model, { hidden: 16, ffn: 16, blocks: 1, heads: 2, kvHeads: 1, vocabulary: 32, positions: 32 }, "F16");
  const path = join(model, "model.safetensors");
  const tensors = new Map(decodeSafetensors(readFileSync(path), path).tensors);
  const data = tensors.get("model.layers.0.mlp.up_proj.weight")?.data as Uint16Array;
  data.set(f32ToF16(Float32Array.of(65504, -65504, 2 ** -24), new Uint16Array(3)));
  await writeFiles(model, { "model.safetensors": encodeSafetensors(tensors, {}) });
  const recipe = { model, scorer: "magnitude", sparsity: 0.5 };
  const manifest = await withBackend((backend) => run(recipe, join(folder, "out"), backend));
  expect(manifest.sparsity.ratio).toBe(0.5);
});
