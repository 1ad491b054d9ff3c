import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, resolve } from "node:path";
import { isMainThread } from "node:worker_threads";
import koffi from "koffi";
import { type Api, readApi } from "./api.ts";
import { OnnxRuntimeError } from "./errors.ts";

// Compilers of graphs recurse deeply, on koffi's stacks.
const STACK_BYTES = 8 * 2 ** 20;

const FILE_NAMES: Readonly<Record<string, string>> = {
  linux: "libonnxruntime.so.1",
  darwin: "libonnxruntime.1.dylib",
  win32: "onnxruntime.dll",
};

/** The library that the package onnxruntime-node brings for this system. Throws OnnxRuntimeError `library` when there is none. */
export function bundledLibrary(): string {
  const [platform, arch] = [process.platform, process.arch];
  const fileName = FILE_NAMES[platform];
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve("onnxruntime-node/package.json"));
  const path = join(folder, "bin", "napi-v6", platform, arch, fileName ?? "");
  if (fileName !== undefined && existsSync(path)) return path;
  throw new OnnxRuntimeError("library", `onnxruntime-node brings no library for ${platform} ${arch}: name one of your own`);
}

/** Loads ONNX Runtime for as long as the process lives. Throws OnnxRuntimeError `library` or `version`. */
export function openLibrary(file: string): { readonly api: Api; readonly version: string; readonly path: string } {
  const path = resolve(file);
  if (!existsSync(path)) throw new OnnxRuntimeError("library", `there is no file ${path}`);
  ensureStacks();
  disableTelemetry();
  pin(path);
  let library: ReturnType<typeof koffi.load>;
  try {
    library = koffi.load(path);
  } catch (cause) {
    throw new OnnxRuntimeError("library", `${path} cannot be loaded: ${(cause as Error).message}`, { cause });
  }
  return { ...readApi(library, path), path };
}

/** The Linux library starts a telemetry client unless the environment says otherwise before it is loaded. */
function disableTelemetry(): void {
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  // A worker's process.env is a copy, which native code does not see.
  if (!isMainThread && process.platform !== "win32")
    koffi.load(null).func("setenv", "int", ["str", "str", "int"])("ORT_DISABLE_TELEMETRY", process.env.ORT_DISABLE_TELEMETRY, 1);
}

function ensureStacks(): void {
  const { async_stack_size = 0, sync_stack_size = 0 } = koffi.config();
  if (Math.min(async_stack_size, sync_stack_size) >= STACK_BYTES) return;
  try {
    koffi.config({ async_stack_size: Math.max(async_stack_size, STACK_BYTES), sync_stack_size: Math.max(sync_stack_size, STACK_BYTES) });
  } catch (cause) {
    const message = `koffi is in use with stacks of ${async_stack_size} bytes, wanted ${STACK_BYTES}: load ONNX Runtime before other libraries, or set koffi's async_stack_size`;
    throw new OnnxRuntimeError("library", message, { cause });
  }
}

/** Keeps a library mapped: koffi unloads it when a worker ends, while a provider or a thread of its own still points into it. */
function pin(path: string): void {
  if (process.platform === "win32") {
    const GET_MODULE_HANDLE_EX_FLAG_PIN = 1;
    koffi.load(path);
    const handle = new BigUint64Array(16);
    koffi.load("kernel32.dll").func("GetModuleHandleExW", "int", ["uint32_t", "str16", "void *"])(
      GET_MODULE_HANDLE_EX_FLAG_PIN,
      path,
      handle,
    );
    return;
  }
  const [RTLD_NOW, RTLD_NODELETE] = [2, process.platform === "darwin" ? 0x80 : 0x1000];
  const own = koffi.load(null);
  if (own.func("dlopen", "void *", ["str", "int"])(path, RTLD_NOW | RTLD_NODELETE)) return;
  const reason: string | null = own.func("dlerror", "str", [])();
  throw new OnnxRuntimeError("library", `${path} cannot be loaded: ${reason ?? "no reason given"}`);
}
