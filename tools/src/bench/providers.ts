import { createOnnxRuntimeBackend, defaultProvidersFolder, installedProviders } from "@secateur/backend-onnxruntime";
import { safetensors } from "@secateur/format-safetensors";
import { costOf } from "@secateur/graph";
import { type Backend, SecateurError } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { createEngine, embed, forward, loadWeights } from "@secateur/runner";
import { median } from "./figures.ts";
import { nanoseconds } from "./throughput.ts";

/** The name of an added provider that computes in bf16 here; otherwise why there is none. */
export async function bf16Provider(): Promise<{ readonly name: string } | { readonly reason: string }> {
  const reasons: string[] = [];
  for (const { name } of await installedProviders(defaultProvidersFolder())) {
    try {
      await (await createOnnxRuntimeBackend({ provider: name, compute: "bf16" })).dispose();
      return { name };
    } catch (error) {
      if (!(error instanceof SecateurError)) throw error;
      reasons.push(error.message);
    }
  }
  return { reason: reasons.join("; ") || "no provider was added (`secateur providers add FILE`)" };
}

/** The speed of a block's forward on a provider in bf16 and on the CPU provider, in units of 10⁹ operations a second, and the median of their ratios round by round. */
export async function measureProvider(
  folder: string,
  provider: string,
  rows: number,
  tokens: number,
): Promise<{ readonly provider: number; readonly cpu: number; readonly ratio: number }> {
  const model = await safetensors.open(folder);
  const on = async (backend: Backend): Promise<{ readonly speed: () => Promise<number>; readonly close: () => Promise<void> }> => {
    const description = describeModel(model);
    const [block] = description.blocks;
    if (!block) throw new Error("the model has no block");
    const engine = createEngine(model, description, backend);
    const ids = Int32Array.from({ length: tokens }, (_, i) => (i * 7919) % description.vocabulary);
    const sequences = Array.from({ length: rows }, () => ({ ids, weights: new Float32Array(tokens).fill(1) }));
    const stream = await embed(model, description, sequences, backend.preferredTokens);
    const weights = await loadWeights(engine, block.program, block.prefix);
    const { flops } = costOf(block.program, { batch: rows, tokens });
    return {
      speed: async () => flops / (await nanoseconds(() => forward(engine, block.program, weights, stream))),
      close: async () => {
        await engine.release();
        await backend.dispose();
      },
    };
  };
  const own = await on(await createOnnxRuntimeBackend({ provider, compute: "bf16" }));
  const cpu = await on(await createOnnxRuntimeBackend({ provider: "cpu" }));
  const rounds: { provider: number; cpu: number }[] = [];
  for (let round = 0; round <= 7; round++) {
    const pair = { provider: await own.speed(), cpu: await cpu.speed() };
    if (round > 0) rounds.push(pair); // the first round warms up
  }
  await own.close();
  await cpu.close();
  await model.close();
  return {
    provider: median(rounds.map((round) => round.provider)),
    cpu: median(rounds.map((round) => round.cpu)),
    ratio: median(rounds.map((round) => round.provider / round.cpu)),
  };
}
