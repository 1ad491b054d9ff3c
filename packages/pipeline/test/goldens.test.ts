import { readdirSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { createReferenceBackend } from "@secateur/backend-reference";
import type { Backend } from "@secateur/kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RecipeInput } from "../src/index.ts";
import { compareWeights, goldenFolder, readTensors } from "./golden-cases.ts";
import { run } from "./run.ts";

const models = ["llama", "llama_wide", "mistral", "qwen2", "qwen3"];
const backends: [string, () => Promise<Backend>][] = [
  ["onnxruntime", () => createOnnxRuntimeBackend({ provider: "cpu", threads: 2 })],
  ["reference", async () => createReferenceBackend()],
];
const providersFolder = process.env.SECATEUR_TEST_PROVIDERS;
if (providersFolder === undefined)
  console.warn("goldens on the provider openvino are skipped: SECATEUR_TEST_PROVIDERS names no folder that has it");
else backends.push(["onnxruntime on openvino", () => createOnnxRuntimeBackend({ provider: "openvino", compute: "f32", providersFolder })]);

/** What a golden's file name says: pruned-METHOD-WHAT or fused-SCORER-RULE-50. */
function recipeOf(model: string, file: string): RecipeInput {
  const folder = goldenFolder(model);
  const [, kind, method, rule, what] = /^(pruned|fused)-([a-z]+)-?(.*)-(\w+)\.safetensors$/.exec(file) ?? [];
  const pattern = /^(\d)of(\d)$/.exec(what ?? "");
  return {
    model: folder,
    general: [{ source: join(folder, "calibration.jsonl") }],
    ...(kind === "fused" && {
      tasks: [{ name: "a", source: join(folder, "task-a.jsonl") }],
      fusion: rule,
      fusionOptions: rule === "shared-exclusive" ? { tau: 0.1, boost: 0 } : {},
    }),
    scorer: method,
    // The published code of both, which the goldens follow, prunes everything up to a threshold.
    ...(method !== "wanda" && { scorerOptions: { exact: false } }),
    ...(pattern ? { pattern: { keep: Number(pattern[1]), of: Number(pattern[2]) } } : { sparsity: Number(what) / 100 }),
  };
}

for (const [name, make] of backends) {
  describe(`golden masks on ${name}`, () => {
    let backend: Backend;
    let folder: string;
    beforeAll(async () => {
      backend = await make();
      folder = await mkdtemp(join(tmpdir(), "secateur-"));
    });
    afterAll(async () => {
      await backend.dispose();
      await rm(folder, { recursive: true });
    });

    for (const model of models) {
      for (const file of readdirSync(goldenFolder(model)).filter((entry) => /^(pruned|fused)-/.test(entry))) {
        it(`${model}: ${file}`, async () => {
          const out = join(folder, `${model}-${file}`);
          await run(recipeOf(model, file), out, backend);
          const found = readTensors(join(out, "model.safetensors"));
          const { flips, of, difference } = compareWeights(found, readTensors(join(goldenFolder(model), file)));
          if (flips > 0) console.warn(`${name}, ${model}, ${file}: ${flips} of ${of} places differ`);
          // Sums in another order can move a score across a threshold that it ties with, and change what is made up for.
          const solver = file.includes("sparsegpt");
          expect(difference).toBeLessThanOrEqual(solver ? 1e-4 : 0);
          expect(flips).toBeLessThanOrEqual(Math.max(2, of * (solver ? 2e-4 : 2e-5)));
        });
      }
    }
  });
}
