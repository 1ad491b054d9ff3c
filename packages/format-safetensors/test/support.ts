import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { allocate, bytesOf, type DType, seededRandom, sizeOf, type Tensor, tensor } from "@secateur/tensor";
import { afterAll, expect } from "vitest";
import { encodeSafetensors, openModel, type SafetensorsModel } from "../src/index.ts";

export const DTYPES: readonly DType[] = ["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"];

const made: string[] = [];
const open: SafetensorsModel[] = [];

afterAll(async () => {
  for (const model of open.splice(0)) await model.close();
  for (const path of made.splice(0)) await rm(path, { recursive: true });
});

/** A new folder that goes when the file's tests have ended. */
export async function newFolder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "format-safetensors-"));
  made.push(path);
  return path;
}

/** Opens a model, which is closed when the file's tests have ended. */
export async function opened(path: string): Promise<SafetensorsModel> {
  const model = await openModel(path);
  open.push(model);
  return model;
}

/** A new folder with these files in it. */
export async function folderOf(files: Readonly<Record<string, string | Uint8Array>>): Promise<string> {
  const path = await newFolder();
  for (const [name, content] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), content);
  }
  return path;
}

/** Random bits of a dtype: any pattern, NaN too. */
export function randomTensor(dtype: DType, shape: readonly number[], seed: number): Tensor {
  const random = seededRandom(seed);
  const out = tensor(dtype, shape, allocate(dtype, sizeOf(shape)));
  const bytes = bytesOf(out);
  for (let i = 0; i < bytes.length; i++) bytes[i] = random.below(256);
  return out;
}

/** One tensor of each dtype, F32 norms beside BF16 matrices, a scalar, an empty one, and odd sizes that leave the next ones unaligned. */
function sampleTensors(): Map<string, Tensor> {
  const tensors = new Map<string, Tensor>([
    ["odd", randomTensor("I8", [3], 1)],
    ["model.layers.0.norm.weight", randomTensor("F32", [5], 2)],
    ["model.layers.0.q.weight", randomTensor("BF16", [7, 5], 3)],
    ["scalar", randomTensor("F32", [], 4)],
    ["empty", randomTensor("F16", [0, 4], 5)],
    ["10", randomTensor("U8", [2, 2], 6)],
    ["9", randomTensor("I64", [2, 3, 2], 7)],
  ]);
  for (const [i, dtype] of DTYPES.entries()) tensors.set(`all.${dtype}`, randomTensor(dtype, [i + 1, 3], 100 + i));
  return tensors;
}

export const CONFIG = '{"model_type":"llama","hidden_size":5}';

/** A model in one file. */
export function singleModel(tensors: ReadonlyMap<string, Tensor> = sampleTensors()): Promise<string> {
  return folderOf({ "config.json": CONFIG, "model.safetensors": encodeSafetensors(tensors, { format: "tf", note: "kept" }) });
}

/** The same model in `count` shards with an index, the tensors dealt out in turn. */
export function shardedModel(tensors: ReadonlyMap<string, Tensor> = sampleTensors(), count = 3): Promise<string> {
  const files: Record<string, string | Uint8Array> = { "config.json": CONFIG };
  const weightMap = new Map<string, string>();
  for (let shard = 0; shard < count; shard++) {
    const name = `model-0000${shard + 1}-of-0000${count}.safetensors`;
    const part = new Map([...tensors].filter((_, i) => i % count === shard));
    for (const key of part.keys()) weightMap.set(key, name);
    if (part.size > 0) files[name] = encodeSafetensors(part, { format: "pt" });
  }
  const index = { metadata: { total_size: 1, other: "kept" }, weight_map: Object.fromEntries(weightMap) }; // assigning would lose a tensor called __proto__
  files["model.safetensors.index.json"] = JSON.stringify(index);
  return folderOf(files);
}

/** Runs what must be refused, and compares the error's code and whole message. */
export async function expectError(run: () => unknown, code: string, message: string): Promise<SecateurError> {
  let error: unknown;
  try {
    await run();
  } catch (caught) {
    error = caught;
  }
  expect(error).toBeInstanceOf(SecateurError);
  const found = error as SecateurError; // as just checked
  expect({ code: found.code, message: found.message }).toEqual({ code, message });
  return found;
}

/** The bits of a tensor, so that NaN compares equal to itself. */
export function bitsOf(t: Tensor): { dtype: DType; shape: readonly number[]; bytes: Buffer } {
  return { dtype: t.dtype, shape: t.shape, bytes: Buffer.from(bytesOf(t)) };
}
