import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type OpenModel, SecateurError, type TensorInfo } from "@secateur/kit";
import { formatFor } from "@secateur/kit/node";
import { describeModel } from "@secateur/models";
import type { LayerReport, Manifest } from "@secateur/pipeline";
import { byteSize, sizeOf } from "@secateur/tensor";
import { builtIns } from "../wiring.ts";
import type { StatisticsInspection } from "./messages.ts";
import { inspectStatistics } from "./run-merge.ts";

/** Tensors that differ only in the number of their block, and have one dtype and shape. */
interface TensorGroup {
  /** The name with `*` for a block's number. */
  readonly name: string;
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly count: number;
  readonly parameters: number;
  readonly bytes: number;
  /** The share of zeros, where the folder's manifest tells it. */
  readonly sparsity?: number;
}

/** What a model's headers say. */
export interface Inspection {
  readonly path: string;
  readonly format: string;
  readonly modelType: string | undefined;
  /** Why it cannot be pruned or evaluated; absent when it can. */
  readonly unsupported?: string;
  readonly parameters: number;
  readonly tensors: number;
  readonly dtypes: Readonly<Record<string, { readonly tensors: number; readonly bytes: number }>>;
  readonly groups: readonly TensorGroup[];
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  readonly bytes: number;
  readonly tokenizer: boolean;
  /** How it was pruned, when secateur.json is there. */
  readonly pruned?: Pick<Manifest, "secateur" | "recipe" | "sparsity" | "backend" | "statistics">;
}

/** Reads a model's headers, and its manifest when it has one, or a statistics file's header; no weights. */
export async function runInspect({ path }: { readonly path: string }): Promise<Inspection | StatisticsInspection> {
  const isFile = await stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
  return isFile ? inspectStatistics(path) : inspectModel(path);
}

async function inspectModel(path: string): Promise<Inspection> {
  const format = await formatFor(builtIns().formats, path);
  const model = await format.open(path);
  try {
    const manifest = await readManifest(path);
    const infos = [...model.tensors.values()];
    const files = [...(await weightFiles(model)), ...model.files];
    const { model_type: modelType } = model.config;
    const unsupported = whyUnsupported(model);
    return {
      path,
      format: model.format,
      modelType: typeof modelType === "string" ? modelType : undefined,
      ...(unsupported !== undefined && { unsupported }),
      parameters: infos.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
      tensors: infos.length,
      dtypes: byDType(infos),
      groups: groupTensors(infos, manifest?.tensors ?? []),
      files,
      bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
      tokenizer: model.tokenizer !== undefined,
      ...(manifest && {
        pruned: {
          secateur: manifest.secateur,
          recipe: manifest.recipe,
          sparsity: manifest.sparsity,
          backend: manifest.backend,
          ...(manifest.statistics && { statistics: manifest.statistics }),
        },
      }),
    };
  } finally {
    await model.close();
  }
}

async function weightFiles({ source, tensors }: OpenModel): Promise<{ name: string; bytes: number }[]> {
  const names = [...new Set([...tensors.values()].map(({ file }) => file))];
  return Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(source, name))).size })));
}

function whyUnsupported(model: OpenModel): string | undefined {
  try {
    describeModel(model);
    return undefined;
  } catch (error) {
    if (error instanceof SecateurError) return error.message;
    throw error;
  }
}

function byDType(infos: readonly TensorInfo[]): Inspection["dtypes"] {
  const dtypes: Record<string, { tensors: number; bytes: number }> = {};
  for (const info of infos) {
    const { tensors, bytes } = dtypes[info.dtype] ?? { tensors: 0, bytes: 0 };
    dtypes[info.dtype] = { tensors: tensors + 1, bytes: bytes + byteSize(info) };
  }
  return dtypes;
}

function groupTensors(infos: readonly TensorInfo[], layers: readonly LayerReport[]): TensorGroup[] {
  const zeros = new Map(layers.map((layer) => [layer.tensor, layer.zeros]));
  const groups = new Map<string, { name: string; members: TensorInfo[] }>();
  for (const info of infos) {
    const name = info.name.replace(/(?<=\.)\d+(?=\.)/g, "*");
    const key = `${name} ${info.dtype} ${info.shape.join(",")}`;
    const group = groups.get(key) ?? { name, members: [] };
    group.members.push(info);
    groups.set(key, group);
  }
  return [...groups.values()].map(({ name, members }) => {
    const [{ dtype, shape }] = members as [TensorInfo]; // a group is made with its first member
    const counted = members.filter((member) => zeros.has(member.name));
    const sum = counted.reduce((total, member) => total + (zeros.get(member.name) ?? 0), 0);
    return {
      name,
      dtype,
      shape,
      count: members.length,
      parameters: members.length * sizeOf(shape),
      bytes: members.reduce((total, member) => total + byteSize(member), 0),
      ...(counted.length === members.length && { sparsity: sum / (members.length * sizeOf(shape)) }),
    };
  });
}

/** The manifest in a model's folder; undefined when there is none. */
async function readManifest(path: string): Promise<Manifest | undefined> {
  const file = join(path, "secateur.json");
  const content = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  if (content === undefined) return undefined;
  const refuse = (why: string, cause?: unknown): never => {
    throw new SecateurError("format", `${file} is no manifest: ${why}`, { where: { file }, cause });
  };
  try {
    const manifest = JSON.parse(content) as Partial<Manifest> | null;
    const whole = manifest?.recipe && typeof manifest.sparsity?.ratio === "number" && Array.isArray(manifest.tensors);
    return whole ? (manifest as Manifest) : refuse("recipe, sparsity or tensors is missing");
  } catch (error) {
    return error instanceof SyntaxError ? refuse(error.message, error) : Promise.reject(error);
  }
}
