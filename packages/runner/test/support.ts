import { readFileSync } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { decodeSafetensors, encodeSafetensors, safetensors } from "@secateur/format-safetensors";
import { type Backend, SecateurError } from "@secateur/kit";
import { ARCHITECTURES, type Config, describeModel } from "@secateur/models";
import { type DType, fromFloat32, seededRandom, sizeOf, type Tensor, toFloat32 } from "@secateur/tensor";
import { afterAll } from "vitest";
import { createEngine, type Engine } from "../src/index.ts";

const ROOT = resolve(import.meta.dirname, "../../..");
const made: string[] = [];
const open: { close(): Promise<void> }[] = [];

afterAll(async () => {
  for (const model of open.splice(0)) await model.close();
  for (const path of made.splice(0)) await rm(path, { recursive: true, force: true });
});

/** The folder of a golden model. */
export function goldenFolder(name: string): string {
  return join(ROOT, "fixtures/goldens", name);
}

/** A golden model's sequences and the logits that it must give for each. */
export function golden(name: string): { readonly ids: Int32Array[]; readonly logits: Float32Array[] } {
  const { input_ids: rows } = JSON.parse(readFileSync(join(goldenFolder(name), "inputs.json"), "utf8")) as { input_ids: number[][] };
  const [logits] = readTensors(join(goldenFolder(name), "logits.safetensors")).values();
  const all = logits ? toFloat32(logits) : new Float32Array(0); // (sequences, tokens, vocabulary)
  const size = all.length / rows.length;
  return { ids: rows.map((row) => Int32Array.from(row)), logits: rows.map((_, i) => all.subarray(i * size, (i + 1) * size)) };
}

/** The tensors of a safetensors file. */
export function readTensors(path: string): ReadonlyMap<string, Tensor> {
  return decodeSafetensors(readFileSync(path), path).tensors;
}

/** A new folder that goes when the file's tests have ended. */
async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "secateur-runner-"));
  made.push(path);
  return path;
}

/** The config of a small Llama, with changes. */
export function tiny(changes: Config = {}): Config {
  return {
    model_type: "llama",
    hidden_size: 32,
    intermediate_size: 48,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    num_hidden_layers: 2,
    vocab_size: 40,
    max_position_embeddings: 512,
    rms_norm_eps: 1e-5,
    tie_word_embeddings: true,
    ...changes,
  };
}

/** The tensors that a config asks for, random from a seed; norms are near 1. */
export function randomWeights(config: Config, seed = 1): Map<string, Float32Array> {
  const random = seededRandom(seed);
  const shapes = ARCHITECTURES.find(({ modelType }) => modelType === config.model_type)?.describe(config).tensors ?? [];
  return new Map(
    [...shapes].map(([name, shape]) => {
      const norm = name.endsWith("norm.weight");
      const scale = norm ? 0.2 : 4 / Math.sqrt(shape.at(-1) as number);
      return [name, new Float32Array(sizeOf(shape)).map(() => (norm ? 1 : 0) + (random.next() - 0.5) * scale)];
    }),
  );
}

/** Writes a model and opens it on a backend. */
export async function engineOf(backend: Backend, config: Config, weights = randomWeights(config), dtype: DType = "F32"): Promise<Engine> {
  const folder = join(await newFolder(), "model");
  await mkdir(folder);
  const shapes = ARCHITECTURES.find(({ modelType }) => modelType === config.model_type)?.describe(config).tensors;
  const tensors = new Map([...weights].map(([name, values]) => [name, fromFloat32(dtype, shapes?.get(name) ?? [], values)]));
  await writeFile(join(folder, "config.json"), JSON.stringify(config));
  await writeFile(join(folder, "model.safetensors"), encodeSafetensors(tensors, { format: "pt" }));
  return openEngine(backend, folder);
}

/** Opens a model in a folder on a backend. */
export async function openEngine(backend: Backend, folder: string): Promise<Engine> {
  const model = await safetensors.open(folder);
  open.push(model);
  return createEngine(model, describeModel(model), backend);
}

/** Random token ids. */
export function randomIds(tokens: number, vocabulary: number, seed = 1): Int32Array {
  const random = seededRandom(seed);
  return Int32Array.from({ length: tokens }, () => random.below(vocabulary));
}

/** A sequence all of whose tokens count. */
export function counting(ids: Int32Array): { ids: Int32Array; weights: Float32Array } {
  return { ids, weights: new Float32Array(ids.length).fill(1) };
}

/** The largest difference between numbers of two lists. */
export function distance(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Number.POSITIVE_INFINITY;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs((a[i] as number) - (b[i] as number));
    if (!(difference <= largest)) largest = difference; // a NaN stays
  }
  return largest;
}

/** The code and the message of what is thrown. */
export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SecateurError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing was thrown");
}

/** A backend that is another one but for what is given. */
export function delegate(backend: Backend, changes: Partial<Backend>): Backend {
  return {
    name: backend.name,
    description: backend.description,
    preferredTokens: backend.preferredTokens,
    upload: (value) => backend.upload(value),
    download: (handle) => backend.download(handle),
    release: (handle) => backend.release(handle),
    compile: (program) => backend.compile(program),
    run: (executable, inputs, into) => backend.run(executable, inputs, into),
    matmul: (a, b, options) => backend.matmul(a, b, options),
    dispose: () => backend.dispose(),
    ...changes,
  };
}

/** A backend that counts what is alive on another: tensors and executables. It lets `runs` programs run and fails then. */
export function counted(
  backend: Backend,
  runs = Number.POSITIVE_INFINITY,
): { readonly backend: Backend; alive(): { tensors: number; executables: number } } {
  const tensors = new Set<object>();
  const executables = new Set<object>();
  let left = runs;
  const counting = delegate(backend, {
    upload(value) {
      const handle = backend.upload(value);
      tensors.add(handle);
      return handle;
    },
    release(handle) {
      if (!tensors.delete(handle)) throw new Error("released twice, or never made");
      backend.release(handle);
    },
    async compile(program) {
      const executable = await backend.compile(program);
      const release = executable.release.bind(executable);
      executables.add(executable);
      return Object.assign(executable, {
        async release() {
          executables.delete(executable);
          await release();
        },
      });
    },
    async run(executable, inputs, into) {
      if (left-- <= 0) throw new SecateurError("backend", "the device is lost");
      const outputs = await backend.run(executable, inputs, into);
      for (const handle of Object.values(outputs)) tensors.add(handle);
      return outputs;
    },
  });
  return { backend: counting, alive: () => ({ tensors: tensors.size, executables: executables.size }) };
}
