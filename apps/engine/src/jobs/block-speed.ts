import { setImmediate as pause } from "node:timers/promises";
import { costOf, type Program, resolveShape, valueNamed } from "@secateur/graph";
import { type Backend, type DeviceTensor, throwIfCancelled } from "@secateur/kit";
import { formatFor } from "@secateur/kit/node";
import { COS, describeModel, llama, type ModelDescription, rotaryTables, SIN } from "@secateur/models";
import { f32, seededRandom, sizeOf } from "@secateur/tensor";
import { builtIns } from "../wiring.ts";

// SmolLM2-135M's. The vocabulary has no part in a block.
const SIZES = {
  model_type: "llama",
  hidden_size: 576,
  intermediate_size: 1536,
  num_attention_heads: 9,
  num_key_value_heads: 3,
  num_hidden_layers: 1,
  vocab_size: 1,
  max_position_embeddings: 8192,
  rms_norm_eps: 1e-5,
  rope_theta: 100000,
  hidden_act: "silu",
  tie_word_embeddings: true,
};

/** A block program, and what its positions are turned by. */
export type Block = Pick<ModelDescription, "rotary"> & { readonly program: Program };

/** The first block of a model, or one of SmolLM2-135M's sizes. */
export async function blockOf(model: string | undefined): Promise<Block> {
  const described = model === undefined ? llama.describe(SIZES) : await description(model);
  const [block] = described.blocks;
  return { rotary: described.rotary, program: (block as NonNullable<typeof block>).program }; // an architecture has a block
}

async function description(model: string): Promise<ModelDescription> {
  const opened = await (await formatFor(builtIns().formats, model)).open(model);
  try {
    return describeModel(opened);
  } finally {
    await opened.close();
  }
}

const FEW = { batch: 1, tokens: 64 };
const MANY = { batch: 2, tokens: 512 };
const RUNS = 5;
// What takes longer for many tokens is measured with few.
const PATIENCE_MS = 4000;

/** Floating-point operations a second in the forward pass of a block with random weights, by the best of a few runs. */
export async function flopsPerSecond(backend: Backend, { program, rotary }: Block, signal: AbortSignal): Promise<number> {
  const executable = await backend.compile(program);
  const random = seededRandom(1);
  const draw = (name: string, axes: typeof FEW): DeviceTensor => {
    const shape = resolveShape(valueNamed(program, name).shape, { ...program.axes, ...axes });
    const width = Math.sqrt(shape.at(-1) ?? 1);
    return backend.upload(
      f32(
        shape,
        Float32Array.from({ length: sizeOf(shape) }, () => (random.next() - 0.5) / width),
      ),
    );
  };
  const weights = Object.fromEntries(program.weights.map(({ name }) => [name, draw(name, FEW)]));

  async function fastest(axes: typeof FEW, runs: number): Promise<number> {
    const { cos, sin } = rotaryTables(rotary, axes.tokens);
    const tables: Readonly<Record<string, typeof cos>> = { [COS]: cos, [SIN]: sin };
    const inputs = Object.fromEntries(
      program.inputs.map(({ name }) => [name, tables[name] ? backend.upload(tables[name]) : draw(name, axes)]),
    );
    let least = Number.POSITIVE_INFINITY;
    for (let run = 0; run < runs; run++) {
      await pause(); // a run may hold the event loop, by which a wish to stop comes
      throwIfCancelled(signal);
      const start = performance.now();
      const outputs = Object.values(await backend.run(executable, { ...inputs, ...weights }));
      for (const value of outputs) await backend.download(value); // what computes elsewhere has done it only then
      least = Math.min(least, performance.now() - start);
      for (const value of outputs) backend.release(value);
    }
    for (const value of Object.values(inputs)) backend.release(value);
    return least;
  }
  const speed = async (axes: typeof FEW, runs: number): Promise<number> =>
    (1000 * costOf(program, axes).flops) / (await fastest(axes, runs));
  const few = await speed(FEW, 2);
  return (1000 * costOf(program, MANY).flops) / few > PATIENCE_MS ? few : speed(MANY, RUNS);
}
