import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { jsonlLoader } from "@secateur/data-jsonl";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { sharedExclusiveFuser } from "@secateur/fusion";
import { parseOptions } from "@secateur/kit/node";
import { type Manifest, parseRecipe, planPrune, prune } from "@secateur/pipeline";
import { wanda } from "@secateur/scorer-wanda";

/** Prunes half of a model's weights, those that neither general text nor the task needs. */
export async function pruneForTask(model: string, general: string, task: string, out: string): Promise<Manifest> {
  const recipe = parseRecipe({
    model,
    general: [{ source: general }],
    tasks: [{ name: "math", source: task }],
    sparsity: 0.5,
  });
  const backend = await createOnnxRuntimeBackend();
  const plan = await planPrune(
    recipe,
    {
      format: safetensors,
      statisticsFiles: safetensorsFiles,
      loaders: [jsonlLoader],
      scorer: wanda.create(await parseOptions(wanda, {})),
      fuser: sharedExclusiveFuser.create(await parseOptions(sharedExclusiveFuser, { tau: 0.1 })),
      preferredTokens: backend.preferredTokens,
    },
    { path: out, force: false },
  );
  try {
    return await prune(plan, { out, format: safetensors, backend, version: "1.0.0" });
  } finally {
    await plan.close();
    await backend.dispose();
  }
}
