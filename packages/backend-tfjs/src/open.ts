import { existsSync, realpathSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import util from "node:util";
import { type Backend, SecateurError } from "@secateur/kit";
import { createTfjsBackend } from "./backend.ts";
import { importFailure, notInstalled } from "./failures.ts";
import type { TfjsOptions } from "./plugin.ts";
import type { Precision } from "./precision.ts";
import { RUNTIME_NAMES, type Runtime, type RuntimeName, runtimeNamed } from "./runtimes.ts";
import { selfTest, TOLERANCE } from "./self-test.ts";
import type { Tfjs } from "./tfjs.ts";

/** What is opened: the plugin's options, and where packages are found. */
export interface OpenOptions extends TfjsOptions {
  /** The folders from which packages are found, the first that has one; by default the present folder and this package's own. */
  readonly from?: readonly string[];
}

/** What a runtime must give. */
type Asked = Pick<TfjsOptions, "compute" | "threads">;

/**
 * A backend on a runtime of tfjs that is installed: the one that is named, or the first that loads and passes the self-test. Throws SecateurError `not-found` where
 * its package or its addon is not there, `unsupported` where it has not the precision or the threads that are asked for, and `backend` where it does not load, finds
 * no GPU or fails the self-test; the message says what would help, and which runtime works now.
 */
export async function openTfjs({ runtime, from = [process.cwd(), import.meta.dirname], ...asked }: OpenOptions): Promise<Backend> {
  if (runtime === "auto") return firstOf(RUNTIME_NAMES, from, asked);
  try {
    return await openRuntime(runtimeNamed(runtime), from, asked);
  } catch (error) {
    if (!(error instanceof SecateurError)) throw error;
    throw new SecateurError(error.code, `${error.message}${await advice(runtime, from, asked)}`, { cause: error });
  }
}

async function firstOf(names: readonly RuntimeName[], from: readonly string[], asked: Asked): Promise<Backend> {
  const failures: string[] = [];
  for (const name of names) {
    try {
      return await openRuntime(runtimeNamed(name), from, asked);
    } catch (error) {
      if (!(error instanceof SecateurError)) throw error;
      failures.push(error.message);
    }
  }
  throw new SecateurError("not-found", `no runtime of tfjs works here: ${failures.join("; ")}`);
}

/** Which other runtime works, which only trying it can say. */
async function advice(failed: RuntimeName, from: readonly string[], asked: Asked): Promise<string> {
  for (const name of RUNTIME_NAMES.filter((other) => other !== failed)) {
    const backend = await openRuntime(runtimeNamed(name), from, asked).catch(() => undefined);
    await backend?.dispose();
    if (backend) return `. The runtime ${name} works here`;
  }
  const { package: wasm, besides } = runtimeNamed("wasm");
  return failed === "wasm"
    ? ""
    : `. No other runtime works here; ${[...besides, wasm].join(" and ")} make one that needs no install script`;
}

async function openRuntime(runtime: Runtime, from: readonly string[], asked: Asked): Promise<Backend> {
  const { compute = "auto", threads = 0 } = asked;
  const folder = from.map((start) => locate(runtime.package, start)).find((found) => found !== undefined);
  if (folder === undefined) throw notInstalled(runtime, [runtime.package]);
  if (!runtime.native) {
    if (threads > 1) throw unsupported(runtime, `runs on one thread, ${threads} are asked for`);
    if (compute === "bf16") throw unsupported(runtime, "computes in single precision only, bf16 is asked for");
  }
  if (runtime.native) prepareNative(asked);
  const imported = await load(runtime, folder);
  // tfjs-core must be the one that the package itself finds: a second one would not know its tensors.
  const core = runtime.besides.length === 0 ? undefined : ((await load(runtime, coreOf(runtime, folder))) as unknown as Tfjs);
  const { tf, version } = await runtime.open(imported, core);
  tf.enableProdMode(); // without it tfjs prints advice on Node
  const { backend, device, name } = runtime;
  const fault = runtime.fault?.(tf);
  if (fault !== undefined) throw new SecateurError("backend", `the tfjs runtime ${name} does not work: ${fault}${wanted(runtime)}`);
  const opened = await createTfjsBackend(tf, {
    backend,
    device,
    provider: `${name} ${version}`,
    compute: compute === "bf16" ? "own" : "f32",
    ...(runtime.native ? threads > 0 && { threads } : { threads: 1 }),
  });
  try {
    const { precision } = opened.description;
    if (compute === "bf16" && precision !== compute)
      throw unsupported(runtime, `computes in ${precision}, bf16 is asked for: it wants TensorFlow 2.15 or newer and a processor with AMX`);
    const error = await selfTest(opened);
    const tolerance = TOLERANCE[precision as Precision];
    if (error <= tolerance) return opened;
    const found = `results are off by ${error.toExponential(1)}, wanted at most ${tolerance}`;
    throw new SecateurError("backend", `the tfjs runtime ${name} fails the self-test: ${found}`);
  } catch (error) {
    await opened.dispose();
    throw error;
  }
}

function unsupported({ name }: Runtime, what: string): SecateurError {
  return new SecateurError("unsupported", `the tfjs runtime ${name} ${what}`);
}

function wanted({ package: id, wants }: Runtime): string {
  return wants === undefined ? "" : `; ${id} wants ${wants}`;
}

function coreOf(runtime: Runtime, folder: string): string {
  const [core = ""] = runtime.besides;
  const found = locate(core, folder);
  if (found === undefined) throw notInstalled(runtime, [core]);
  return found;
}

/** The folder of a package, found from another one as `import` does: `require` would look in the folders of NODE_PATH too, which launchers set. */
function locate(id: string, from: string): string | undefined {
  const folder = join(from, "node_modules", id);
  if (existsSync(join(folder, "package.json"))) return realpathSync(folder);
  return dirname(from) === from ? undefined : locate(id, dirname(from));
}

/** What a package exports. tfjs is CommonJS on Node: the whole of it is the default. */
async function load(runtime: Runtime, folder: string): Promise<Readonly<Record<string, unknown>>> {
  try {
    const entry = createRequire(join(folder, "package.json")).resolve(folder);
    const imported = (await import(/* @vite-ignore */ pathToFileURL(entry).href)) as Readonly<Record<string, unknown>>;
    return (imported.default ?? imported) as Readonly<Record<string, unknown>>;
  } catch (cause) {
    throw importFailure(runtime, folder, cause);
  }
}

/** What tfjs-node 4.22 wants of a Node that is newer than it, and what TensorFlow reads when it is loaded: once in a process. */
function prepareNative({ compute, threads = 0 }: Asked): void {
  if (compute === "bf16") process.env.TF_SET_ONEDNN_FPMATH_MODE = "BF16";
  if (threads > 0) process.env.TF_NUM_INTRAOP_THREADS = String(threads);
  // Node 22 warns of this function and Node 23 has none, but the addon's side in JavaScript calls it.
  (util as { isNullOrUndefined?: unknown }).isNullOrUndefined = (value: unknown): boolean => value === null || value === undefined;
  // TensorFlow's notes on the processor; warnings and errors stay.
  process.env.TF_CPP_MIN_LOG_LEVEL ??= "1";
}
