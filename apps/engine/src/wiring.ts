import {
  type AddProviderOptions,
  addProvider,
  defaultProvidersFolder,
  type ListedProvider,
  listedProvider,
  listProviders,
  onnxruntime,
  openRuntime,
  removeProvider,
} from "@secateur/backend-onnxruntime";
import { reference } from "@secateur/backend-reference";
import { tfjs } from "@secateur/backend-tfjs";
import { csvLoader } from "@secateur/data-csv";
import { jsonlLoader } from "@secateur/data-jsonl";
import { parquetLoader } from "@secateur/data-parquet";
import { textLoader } from "@secateur/data-text";
import { safetensors, safetensorsFiles } from "@secateur/format-safetensors";
import { allocators, fusers } from "@secateur/fusion";
import type { Backend, Format, Loader, ScorerPlugin, TensorFiles } from "@secateur/kit";
import { createRegistry, parseOptions, type Registry, resolvePlugin } from "@secateur/kit/node";
import { fisher, fisherAllocator } from "@secateur/scorer-fisher";
import { magnitude } from "@secateur/scorer-magnitude";
import { obd } from "@secateur/scorer-obd";
import { ria } from "@secateur/scorer-ria";
import { sparsegpt } from "@secateur/scorer-sparsegpt";
import { stade } from "@secateur/scorer-stade";
import { wanda } from "@secateur/scorer-wanda";
import { wandaPlus } from "@secateur/scorer-wanda-plus";

/** What this program brings with it. */
export interface BuiltIns {
  readonly registry: Registry;
  readonly formats: readonly Format[];
  /** What statistics are kept in. */
  readonly statisticsFiles: TensorFiles;
  readonly loaders: readonly Loader[];
}

/** The plugins of this program: the only place that names them. */
export function builtIns(): BuiltIns {
  const scorers: readonly ScorerPlugin[] = [wanda, magnitude, ria, stade, sparsegpt, fisher, obd, wandaPlus];
  return {
    registry: createRegistry([...scorers, ...fusers, ...allocators, fisherAllocator, onnxruntime, tfjs, reference]),
    formats: [safetensors],
    statisticsFiles: safetensorsFiles,
    loaders: [textLoader, jsonlLoader, csvLoader, parquetLoader],
  };
}

/** A backend by its name, with options as they were typed. Whoever opens it disposes of it. */
export async function openBackend(registry: Registry, name: string, options: Readonly<Record<string, unknown>>): Promise<Backend> {
  const plugin = await resolvePlugin(registry, "backend", name, { from: process.cwd() });
  return plugin.create(await parseOptions(plugin, options));
}

/** What the backend onnxruntime can compute on. */
export const providers: {
  list(): Promise<ListedProvider[]>;
  add(file: string, options: Omit<AddProviderOptions, "folder">): Promise<ListedProvider>;
  remove(name: string): Promise<void>;
} = {
  list: () => listProviders(openRuntime(), defaultProvidersFolder()),
  async add(file, options) {
    const { provider, devices } = await addProvider(openRuntime(), file, { ...options, folder: defaultProvidersFolder() });
    return listedProvider(provider, devices);
  },
  remove: (name) => removeProvider(defaultProvidersFolder(), name),
};
