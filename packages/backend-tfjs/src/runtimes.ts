import type { Tfjs } from "./tfjs.ts";

/** What of tfjs computes: the names that users choose from, in the order in which `auto` tries them. */
export const RUNTIME_NAMES = ["node-gpu", "node", "wasm", "cpu"] as const;

/** A name of a runtime. */
export type RuntimeName = (typeof RUNTIME_NAMES)[number];

/** A runtime that was loaded: the tfjs that it belongs to, and what it says of itself. */
interface LoadedRuntime {
  readonly tf: Tfjs;
  /** Its version, and what else results may depend on. */
  readonly version: string;
}

/** A package that brings tfjs a backend. */
export interface Runtime {
  readonly name: RuntimeName;
  readonly package: string;
  /** Other packages that have to be beside it. */
  readonly besides: readonly string[];
  /** The name that it registers its backend under. */
  readonly backend: string;
  readonly device: "cpu" | "gpu";
  /** Whether it is an addon on TensorFlow's own library, which its install script fetches. */
  readonly native: boolean;
  /** What it wants of the machine, as its documentation says it; undefined where it wants nothing. */
  readonly wants?: string;
  /** Reads what was imported; `tf` is tfjs-core as the package itself imports it. */
  open(imported: Readonly<Record<string, unknown>>, tf: Tfjs | undefined): Promise<LoadedRuntime>;
  /** What is wrong with it once it is loaded; undefined when nothing is. */
  fault?(tf: Tfjs): string | undefined;
}

const CORE = "@tensorflow/tfjs-core";
/** What both native packages register their backend as. */
const TENSORFLOW = "tensorflow";

/** The runtimes, in the order of `RUNTIME_NAMES`. */
const RUNTIMES: readonly Runtime[] = [
  {
    name: "node-gpu",
    package: "@tensorflow/tfjs-node-gpu",
    besides: [],
    backend: TENSORFLOW,
    device: "gpu",
    native: true,
    // The README of tfjs-node 4.22, "Installing".
    wants: "an NVIDIA driver newer than 450, CUDA 11.2 and cuDNN 8.1",
    open: openNative,
    fault: (tf) => {
      const native = tf.findBackend(TENSORFLOW) as { readonly isUsingGpuDevice?: unknown } | null;
      return native?.isUsingGpuDevice === true ? undefined : "TensorFlow finds no GPU that it can use";
    },
  },
  {
    name: "node",
    package: "@tensorflow/tfjs-node",
    besides: [],
    backend: TENSORFLOW,
    device: "cpu",
    native: true,
    open: openNative,
  },
  {
    name: "wasm",
    package: "@tensorflow/tfjs-backend-wasm",
    besides: [CORE],
    backend: "wasm",
    device: "cpu",
    native: false,
    open: async ({ version_wasm }, tf) => {
      const simd = await (tf as Tfjs).env().getAsync("WASM_HAS_SIMD_SUPPORT");
      return { tf: tf as Tfjs, version: `${version_wasm} (${simd ? "SIMD" : "no SIMD"})` };
    },
  },
  {
    name: "cpu",
    package: "@tensorflow/tfjs-backend-cpu",
    besides: [CORE],
    backend: "cpu",
    device: "cpu",
    native: false,
    open: async ({ version_cpu }, tf) => ({ tf: tf as Tfjs, version: String(version_cpu) }),
  },
];

/** The runtime of that name. */
export function runtimeNamed(name: RuntimeName): Runtime {
  return RUNTIMES[RUNTIME_NAMES.indexOf(name)] as Runtime; // the table has an entry a name
}

/** The whole of tfjs with an addon: it is the namespace, and its own version stands among others. */
async function openNative(imported: Readonly<Record<string, unknown>>): Promise<LoadedRuntime> {
  const tf = imported as unknown as Tfjs & { readonly version?: Readonly<Record<string, string>> };
  // Not tf.backend(): every tfjs-core of a process shares one engine, in which another runtime may be the present one.
  const native = tf.findBackend(TENSORFLOW) as { readonly binding?: { readonly TF_Version?: string } } | null;
  return {
    tf,
    version: `${tf.version?.["tfjs-node"] ?? tf.version_core} (TensorFlow ${native?.binding?.TF_Version ?? "of unknown version"})`,
  };
}
