import { expandProgram, resolveShape, separateSums, valueNamed } from "@secateur/graph";
import { type Backend, bindInputs, type DeviceTensor, type Executable, SecateurError } from "@secateur/kit";
import { type Tensor, tensor } from "@secateur/tensor";
import { failed, inTfjs } from "./in-tfjs.ts";
import { enginesOn } from "./products.ts";
import { type Computation, hasKernel, runProgram } from "./run.ts";
import type { Tfjs, Value } from "./tfjs.ts";

/** What computes, for the manifest. */
export interface TfjsBackendOptions {
  /** The name under which it is registered in tfjs, such as `webgpu`, `webgl`, `wasm`, `cpu` or `tensorflow`. */
  readonly backend: string;
  /** What it calls itself, with its version; the registered name when left out. */
  readonly provider?: string;
  /** `gpu` for the backends of browsers that compute there, else `cpu`, when left out. */
  readonly device?: "cpu" | "gpu";
  /** How many tokens a run should hold. Default 1024. */
  readonly preferredTokens?: number;
  /** What products of matrices are computed in: single precision (default), or what the library is set to, such as bf16. */
  readonly compute?: "f32" | "own";
  /** How many threads a run takes, where that is known. */
  readonly threads?: number;
}

/**
 * A backend on a loaded tfjs and one of its registered backends, which becomes the current one of tfjs whenever programs run here. Everything is computed
 * op by op, in single precision unless `compute` lets products take what they take by themselves; an uploaded tensor may share the memory of its host tensor, which must not change while it lives.
 * Throws SecateurError `not-found` for a name that is not registered, and `backend` when it does not start or has no products in single precision.
 */
export async function createTfjsBackend(tf: Tfjs, options: TfjsBackendOptions): Promise<Backend> {
  const {
    backend,
    provider = backend,
    device = /^web(?:gl|gpu)$/.test(backend) ? "gpu" : "cpu",
    preferredTokens = 1024,
    compute = "f32",
    threads,
  } = options;
  await start(tf, backend);
  const { precision, engine, exact } = await enginesOn(tf, backend, compute);
  const values = new Map<DeviceTensor, Value>();
  const programs = new Map<Executable, Computation>();
  let disposed = false;

  /** Refuses what comes after `dispose`; else what follows, up to the next await, computes here. */
  function open(): void {
    if (disposed) refuse("the tfjs backend was disposed");
    // It has started already: from there on tfjs changes over at once, and only the promise of it is late.
    if (tf.getBackend() !== backend) void tf.setBackend(backend);
  }
  function hold(value: Value, dtype: DeviceTensor["dtype"]): DeviceTensor {
    const handle = Object.freeze({ shape: [...value.shape], dtype });
    values.set(handle, value);
    return handle;
  }
  function held(handle: DeviceTensor, what: string): Value {
    return values.get(handle) ?? refuse(`${what} of shape [${handle.shape.join(", ")}] was released or is of another backend`);
  }
  /** Gives a handle another value of the same shape and type. */
  function replace(handle: DeviceTensor, value: Value): DeviceTensor {
    values.get(handle)?.dispose();
    values.set(handle, value);
    return handle;
  }

  return {
    name: "tfjs",
    description: { engine: "tfjs", version: tf.version_core, provider, device, precision },
    preferredTokens,
    ...(threads !== undefined && { threads }),
    upload({ dtype, shape, data }) {
      open();
      return hold(
        inTfjs("take a tensor", () => tf.keep(tf.tensor(data, [...shape], TYPES[dtype]))),
        dtype,
      );
    },
    async download(handle) {
      open();
      const { dtype, shape } = handle;
      const value = held(handle, "the tensor to download");
      const data = await value.data().catch((cause) => failed("give back a tensor", cause));
      // On the processor it may be what the backend itself keeps. Each dtype has its own array, as when it was uploaded.
      return tensor(dtype, shape, data.slice() as Tensor<typeof dtype>["data"]);
    },
    release(handle) {
      open();
      held(handle, "the tensor to release").dispose();
      values.delete(handle);
    },
    async compile(program, { exact: wanted = false } = {}) {
      open();
      const executable: Executable = {
        program,
        release: async () => {
          programs.delete(executable);
        },
      };
      const expanded = expandProgram(program, hasKernel);
      const sums = new Set(precision === "f32" ? [] : separateSums(expanded)?.sums.ops.map(({ output }) => output));
      programs.set(executable, { program: expanded, engineFor: (output) => (wanted || sums.has(output) ? exact : engine) });
      return executable;
    },
    async run(executable, inputs, into = {}) {
      open();
      const computation = programs.get(executable) ?? refuse("the executable was released or is of another backend");
      const { program } = computation;
      const axes = bindInputs(program, inputs);
      const given = Object.fromEntries(Object.entries(inputs).map(([name, handle]) => [name, held(handle, `the input ${name}`)]));
      for (const [name, handle] of Object.entries(into)) {
        const output = program.outputs[name] ?? refuse(`the program has no output ${name} to write, only ${Object.keys(program.outputs)}`);
        const { type, shape } = valueNamed(program, output);
        held(handle, `the tensor for the output ${name}`);
        expectFit(handle, `the output ${name}`, type, resolveShape(shape, axes));
      }
      const outputs = Object.entries(runProgram(tf, computation, given, axes));
      return Object.fromEntries(
        outputs.map(([name, value]) => {
          const target = into[name];
          return [name, target ? replace(target, value) : hold(value, valueNamed(program, program.outputs[name] as string).type)];
        }),
      );
    },
    async matmul(a, b, { transposeA = false, transposeB = false, into } = {}) {
      open();
      const [left, right] = [matrix(held(a, "a"), "a"), matrix(held(b, "b"), "b")];
      const [m, k] = transposeA ? left.shape.toReversed() : left.shape;
      const [l, n] = transposeB ? right.shape.toReversed() : right.shape;
      if (k !== l) refuse(`a (${m}, ${k}) · b (${l}, ${n}): the inner sizes differ`);
      if (into) {
        held(into, "the tensor for the product");
        expectFit(into, "the product", "F32", [m as number, n as number]);
      }
      const product = inTfjs("multiply matrices", () =>
        tf.keep(tf.tidy(() => tf.squeeze(exact.product(tf.expandDims(left), tf.expandDims(right), transposeA, transposeB), [0]))),
      );
      return into ? replace(into, product) : hold(product, "F32");
    },
    async dispose() {
      disposed = true;
      for (const value of values.values()) value.dispose();
      values.clear();
      programs.clear();
    },
  };
}

const TYPES = { F32: "float32", I32: "int32", BOOL: "bool" } as const;

async function start(tf: Tfjs, backend: string): Promise<void> {
  const { registryFactory } = tf.engine();
  if (!Object.hasOwn(registryFactory, backend)) {
    const known = Object.keys(registryFactory).sort().join(", ") || "none";
    throw new SecateurError("not-found", `tfjs has no backend "${backend}"; there are ${known}`);
  }
  if (!(await tf.setBackend(backend))) throw new SecateurError("backend", `the backend ${backend} of tfjs does not start here`);
}

function refuse(message: string): never {
  throw new SecateurError("backend", message);
}

function matrix(value: Value, name: string): Value {
  if (value.dtype === "float32" && value.shape.length === 2) return value;
  return refuse(`${name} is ${value.dtype} of shape [${value.shape.join(", ")}], wanted a float32 matrix`);
}

function expectFit(target: DeviceTensor, what: string, dtype: DeviceTensor["dtype"], shape: readonly number[]): void {
  if (target.dtype === dtype && String(target.shape) === String(shape)) return;
  const found = `${target.dtype} of shape [${target.shape.join(", ")}]`;
  refuse(`${what} is ${dtype} of shape [${shape.join(", ")}], the tensor to write it in ${found}`);
}
