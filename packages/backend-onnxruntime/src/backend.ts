import { type Program, programBuilder } from "@secateur/graph";
import type { Backend, DeviceTensor, Executable } from "@secateur/kit";
import { SecateurError } from "@secateur/kit";
import { toOnnx } from "@secateur/onnx";
import { type Tensor, tensor } from "@secateur/tensor";
import type { InferenceSession, Tensor as OrtTensor } from "onnxruntime-node";
import { checkInputs } from "./check-inputs.ts";

/** What the backend can be told. */
export interface OnnxRuntimeOptions {
  /** Threads for one operator; 0 lets the runtime take one a core. */
  readonly threads: number;
  /** Fused ops stay single operators (the fast way); false writes everything in primitives. */
  readonly fused: boolean;
}

type Ort = typeof import("onnxruntime-node");
type DeviceType = DeviceTensor["dtype"];

const TYPES = { F32: "float32", I32: "int32", BOOL: "bool" } as const;
const NAMES: Readonly<Record<string, DeviceType>> = { float32: "F32", int32: "I32", bool: "BOOL" };

/** Opens ONNX Runtime's CPU provider. Uploaded tensors share the memory of their host tensor: it must not change while they live. */
export async function createOnnxRuntimeBackend(options: OnnxRuntimeOptions): Promise<Backend> {
  // The library carries a telemetry client that is off only when this is set before it is loaded.
  process.env.ORT_DISABLE_TELEMETRY ??= "1";
  let ort: Ort;
  try {
    ort = await import("onnxruntime-node");
  } catch (cause) {
    throw new SecateurError(
      "backend",
      `onnxruntime-node does not load on this machine: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  return new OnnxRuntimeBackend(ort, options);
}

class OrtExecutable implements Executable {
  readonly program: Program;
  readonly #backend: OnnxRuntimeBackend;
  session: InferenceSession | undefined;

  constructor(program: Program, session: InferenceSession, backend: OnnxRuntimeBackend) {
    this.program = program;
    this.session = session;
    this.#backend = backend;
  }

  async release(): Promise<void> {
    const { session } = this;
    this.session = undefined;
    this.#backend.forget(this);
    await session?.release();
  }
}

class OnnxRuntimeBackend implements Backend {
  readonly name = "onnxruntime";
  readonly description: Backend["description"];
  // Two to eight sequences of 256 to 512 tokens keep a block's values in the caches and its matrix products full.
  readonly preferredTokens = 1024;
  readonly #ort: Ort;
  readonly #options: OnnxRuntimeOptions;
  readonly #tensors = new Map<DeviceTensor, OrtTensor>();
  readonly #executables = new Set<OrtExecutable>();
  readonly #products = new Map<string, Promise<Executable>>();
  #disposed = false;

  constructor(ort: Ort, options: OnnxRuntimeOptions) {
    this.#ort = ort;
    this.#options = options;
    this.description = {
      engine: "onnxruntime",
      version: ort.env.versions.node ?? ort.env.versions.common,
      device: "cpu",
      precision: "f32",
    };
  }

  upload(host: Tensor<"F32" | "I32" | "BOOL">): DeviceTensor {
    this.#open();
    return this.#wrap(new this.#ort.Tensor(TYPES[host.dtype], host.data as Float32Array, host.shape)); // the constructor's overloads name each array
  }

  async download(device: DeviceTensor): Promise<Tensor> {
    const data = this.#unwrap(device).data;
    return tensor(device.dtype, device.shape, data as Float32Array); // a device tensor's array is its dtype's
  }

  release(device: DeviceTensor): void {
    this.#unwrap(device).dispose();
    this.#tensors.delete(device);
  }

  async compile(program: Program): Promise<Executable> {
    this.#open();
    const fused = this.#options.fused;
    try {
      const session = await this.#ort.InferenceSession.create(toOnnx(withOutputNames(program), { fused: () => fused }), {
        executionProviders: ["cpu"],
        graphOptimizationLevel: "all",
        intraOpNumThreads: this.#options.threads,
        interOpNumThreads: 1,
        logSeverityLevel: 3,
      });
      const executable = new OrtExecutable(program, session, this);
      this.#executables.add(executable);
      return executable;
    } catch (cause) {
      throw this.#failure("cannot compile a program", cause);
    }
  }

  async run(
    executable: Executable,
    inputs: Readonly<Record<string, DeviceTensor>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, DeviceTensor>> {
    this.#open();
    const session = executable instanceof OrtExecutable ? executable.session : undefined;
    if (!session) throw new SecateurError("backend", "the program was released, or compiled by another backend");
    checkInputs(executable.program, inputs, into);
    const feeds = Object.fromEntries(session.inputNames.map((name) => [name, this.#unwrap(inputs[name] as DeviceTensor, name)]));
    const names = Object.keys(executable.program.outputs);
    const fetches = Object.fromEntries(names.map((name) => [OUTPUT + name, into[name] ? this.#unwrap(into[name], name) : null]));
    let results: InferenceSession.ReturnType;
    try {
      results = await session.run(feeds, fetches);
    } catch (cause) {
      throw this.#failure("cannot run a program", cause);
    }
    return Object.fromEntries(names.map((name) => [name, into[name] ?? this.#wrap(results[OUTPUT + name] as OrtTensor)]));
  }

  async matmul(
    a: DeviceTensor,
    b: DeviceTensor,
    flags: { readonly transposeA?: boolean; readonly transposeB?: boolean } = {},
  ): Promise<DeviceTensor> {
    const key = `${Boolean(flags.transposeA)} ${Boolean(flags.transposeB)}`;
    let product = this.#products.get(key);
    if (!product) {
      product = this.compile(productProgram(flags));
      this.#products.set(key, product);
      product.catch(() => this.#products.delete(key));
    }
    return (await this.run(await product, { a, b })).product as DeviceTensor;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    for (const executable of [...this.#executables]) await executable.release();
    for (const value of this.#tensors.values()) value.dispose();
    this.#tensors.clear();
    this.#disposed = true;
  }

  forget(executable: OrtExecutable): void {
    this.#executables.delete(executable);
  }

  #open(): void {
    if (this.#disposed) throw new SecateurError("backend", "the onnxruntime backend was disposed");
  }

  #wrap(value: OrtTensor): DeviceTensor {
    const dtype = NAMES[value.type];
    if (!dtype) throw new SecateurError("backend", `onnxruntime gave a tensor of type ${value.type}`);
    const device: DeviceTensor = { shape: [...value.dims], dtype };
    this.#tensors.set(device, value);
    return device;
  }

  #unwrap(device: DeviceTensor, name: string = "a tensor"): OrtTensor {
    this.#open();
    const value = this.#tensors.get(device);
    if (!value)
      throw new SecateurError("backend", `${name} of shape [${device.shape.join(", ")}] was released, or belongs to another backend`);
    return value;
  }

  #failure(what: string, cause: unknown): SecateurError {
    return new SecateurError("backend", `onnxruntime ${what}: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
}

// A program may call an input and an output alike, an ONNX graph may not.
const OUTPUT = "out:";

function withOutputNames(program: Program): Program {
  return { ...program, outputs: Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [OUTPUT + name, value])) };
}

function productProgram({
  transposeA = false,
  transposeB = false,
}: {
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}): Program {
  const b = programBuilder({});
  const left = b.input("a", transposeA ? ["k", "m"] : ["m", "k"]);
  const right = b.input("b", transposeB ? ["n", "k"] : ["k", "n"]);
  const turn = (turned: boolean, value: typeof left): typeof left => (turned ? b.transpose(value, [1, 0]) : value);
  return b.build({ product: b.matmul(turn(transposeA, left), turn(transposeB, right)) });
}
