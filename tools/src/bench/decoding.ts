import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { safetensors } from "@secateur/format-safetensors";
import { describeModel } from "@secateur/models";
import { createEngine, type Engine, generateGreedy, holdWeights, scoreSequences } from "@secateur/runner";
import { nanoseconds } from "./throughput.ts";

/** Tokens a second of decoding, and the time of scoring choices with and without what they begin with alike. */
export interface DecodingSpeed {
  /** By the whole sequence again for each token. */
  readonly wholePasses: number;
  readonly onePrompt: number;
  readonly manyPrompts: number;
  /** Milliseconds for rows of choices of a prompt each. */
  readonly sharedPrompts: number;
  /** The same lengths without a common token. */
  readonly apart: number;
}

const PROMPT = 48;
const TOGETHER = 32;
const ROWS = 16;
const CHOICES = 4;

/** Decoding and choices on one backend, each thing once after a warm-up. */
export async function measureDecoding(folder: string): Promise<DecodingSpeed> {
  const backend = await createOnnxRuntimeBackend({ provider: "cpu" });
  const model = await safetensors.open(folder);
  const engine = createEngine(model, describeModel(model), backend);
  try {
    return { ...(await decoding(engine)), ...(await choices(engine)) };
  } finally {
    await engine.release();
    await backend.dispose();
    await model.close();
  }
}

async function decoding(engine: Engine): Promise<Pick<DecodingSpeed, "wholePasses" | "onePrompt" | "manyPrompts">> {
  const weights = holdWeights(engine);
  const prompts = Array.from({ length: TOGETHER }, (_, i) => idsOf(engine, PROMPT, i));
  const speed = async (asked: readonly Int32Array[], maxTokens: number): Promise<number> => {
    const time = await nanoseconds(() => generateGreedy(engine, asked, { maxTokens, endTokens: [], weights }));
    return (1e9 * asked.length * maxTokens) / time;
  };
  await speed(prompts.slice(0, 1), 2);
  const onePrompt = await speed(prompts.slice(0, 1), 32);
  const manyPrompts = await speed(prompts, 32);
  weights.release();
  const passes = 4;
  const time = await nanoseconds(async () => {
    for (let i = 0; i < passes; i++) await scoreSequences(engine, [idsOf(engine, PROMPT + i, 0)]);
  });
  return { wholePasses: (1e9 * passes) / time, onePrompt, manyPrompts };
}

async function choices(engine: Engine): Promise<Pick<DecodingSpeed, "sharedPrompts" | "apart">> {
  const rows = Array.from({ length: ROWS * CHOICES }, (_, i) => {
    const prompt = idsOf(engine, PROMPT, Math.floor(i / CHOICES));
    return Int32Array.from([...prompt, ...idsOf(engine, 6, i)]);
  });
  const apart = rows.map((ids, i) => ids.with(0, i));
  await scoreSequences(engine, rows.slice(0, CHOICES));
  const time = async (sequences: readonly Int32Array[]): Promise<number> =>
    (await nanoseconds(() => scoreSequences(engine, sequences))) / 1e6;
  return { sharedPrompts: await time(rows), apart: await time(apart) };
}

function idsOf({ description }: Engine, tokens: number, seed: number): Int32Array {
  return Int32Array.from({ length: tokens }, (_, i) => (i * 7919 + seed * 104_729) % description.vocabulary);
}
