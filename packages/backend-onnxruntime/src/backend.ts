import { type Program, programBuilder, resolveShape, valueNamed } from "@secateur/graph";
import { type Backend, type BackendDescription, type DeviceTensor, type Executable, SecateurError } from "@secateur/kit";
import { type OnnxRuntime, OnnxRuntimeError, type Tensor as OrtTensor } from "@secateur/onnxruntime-plugin";
import { sizeOf, type Tensor, tensor } from "@secateur/tensor";
import { checkInputs } from "./check-inputs.ts";
import { type Compiled, compileOn, type Places } from "./compiled.ts";

type HostTensor = Tensor<"F32" | "I32" | "BOOL">;

/** A backend on a loaded ONNX Runtime. Uploaded tensors share the memory of their host tensor: it must not change while they live. */
export function createBackendOn(ort: OnnxRuntime, places: Places): Backend {
  return new OnnxRuntimeBackend(ort, places);
}

class OrtExecutable implements Executable {
  readonly program: Program;
  readonly #backend: OnnxRuntimeBackend;
  compiled: Compiled | undefined;

  constructor(program: Program, compiled: Compiled, backend: OnnxRuntimeBackend) {
    this.program = program;
    this.compiled = compiled;
    this.#backend = backend;
  }

  async release(): Promise<void> {
    const { compiled } = this;
    this.compiled = undefined;
    this.#backend.forget(this);
    compiled?.release();
  }
}

class OnnxRuntimeBackend implements Backend {
  readonly name = "onnxruntime";
  readonly description: BackendDescription;
  readonly preferredTokens: number;
  readonly threads?: number;
  readonly #ort: OnnxRuntime;
  readonly #places: Places;
  readonly #tensors = new Map<DeviceTensor, { readonly host: HostTensor; readonly value: OrtTensor }>();
  readonly #executables = new Set<OrtExecutable>();
  readonly #products = new Map<string, Promise<Executable>>();
  #disposed = false;

  constructor(ort: OnnxRuntime, places: Places) {
    const { name, version, device, precision } = places.placement;
    this.#ort = ort;
    this.#places = places;
    if (device === undefined && places.threads > 0) this.threads = places.threads;
    // Two to eight sequences of 256 to 512 tokens keep a block's values in the caches and its matrix products full; where products cost less, what a run costs beside
    // them, such as reading the weights, is spread over more tokens.
    this.preferredTokens = precision === "f32" ? 1024 : 2048;
    this.description = {
      engine: "onnxruntime",
      version: ort.version,
      provider: version === undefined ? name : `${name} ${version}`,
      device: device?.kind ?? "cpu",
      precision,
    };
  }

  upload(host: HostTensor): DeviceTensor {
    this.#open();
    return this.#wrap(host);
  }

  async download(device: DeviceTensor): Promise<Tensor> {
    return this.#unwrap(device).host;
  }

  release(device: DeviceTensor): void {
    const { value } = this.#unwrap(device);
    this.#native("cannot release a tensor", () => value.release());
    this.#tensors.delete(device);
  }

  async compile(program: Program, { exact = false }: { readonly exact?: boolean } = {}): Promise<Executable> {
    this.#open();
    const places = exact ? { ...this.#places, placement: this.#places.exact } : this.#places;
    const compiled = await this.#native("cannot compile a program", () => compileOn(this.#ort, program, places));
    const executable = new OrtExecutable(program, compiled, this);
    this.#executables.add(executable);
    return executable;
  }

  async run(
    executable: Executable,
    inputs: Readonly<Record<string, DeviceTensor>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, DeviceTensor>> {
    this.#open();
    const compiled = executable instanceof OrtExecutable ? executable.compiled : undefined;
    if (!compiled) throw new SecateurError("backend", "the program was released, or compiled by another backend");
    const { program } = executable;
    const axes = checkInputs(program, inputs, into);
    const given = Object.entries(inputs).map(([name, device]) => [name, this.#unwrap(device, name).value] as const);
    const results = Object.fromEntries(
      Object.entries(program.outputs).map(([name, value]) => {
        const { type, shape } = valueNamed(program, value);
        return [name, into[name] ?? this.#wrap(emptyTensor(type, resolveShape(shape, axes)))];
      }),
    );
    const wanted = Object.entries(results).map(([name, device]) => [name, this.#unwrap(device, name).value] as const);
    try {
      await this.#native("cannot run a program", () => compiled.run(Object.fromEntries(given), Object.fromEntries(wanted), axes));
    } catch (error) {
      for (const [name, device] of Object.entries(results)) if (!into[name]) this.release(device);
      throw error;
    }
    return results;
  }

  async matmul(
    a: DeviceTensor,
    b: DeviceTensor,
    { into, ...flags }: { readonly transposeA?: boolean; readonly transposeB?: boolean; readonly into?: DeviceTensor | undefined } = {},
  ): Promise<DeviceTensor> {
    const key = `${Boolean(flags.transposeA)} ${Boolean(flags.transposeB)}`;
    let product = this.#products.get(key);
    if (!product) {
      product = this.compile(productProgram(flags), { exact: true });
      this.#products.set(key, product);
      product.catch(() => this.#products.delete(key));
    }
    return (await this.run(await product, { a, b }, into && { product: into })).product as DeviceTensor;
  }

  async dispose(): Promise<void> {
    if (this.#disposed) return;
    for (const executable of [...this.#executables]) await executable.release();
    for (const { value } of this.#tensors.values()) value.release();
    this.#tensors.clear();
    this.#disposed = true;
  }

  forget(executable: OrtExecutable): void {
    this.#executables.delete(executable);
  }

  #open(): void {
    if (this.#disposed) throw new SecateurError("backend", "the onnxruntime backend was disposed");
  }

  #wrap(host: HostTensor): DeviceTensor {
    const device: DeviceTensor = { shape: host.shape, dtype: host.dtype };
    const value = this.#native("cannot take a tensor", () => nativeTensor(this.#ort, host));
    this.#tensors.set(device, { host, value });
    return device;
  }

  #unwrap(device: DeviceTensor, name: string = "a tensor"): { readonly host: HostTensor; readonly value: OrtTensor } {
    this.#open();
    const found = this.#tensors.get(device);
    if (!found)
      throw new SecateurError("backend", `${name} of shape [${device.shape.join(", ")}] was released, or belongs to another backend`);
    return found;
  }

  /** Calls ONNX Runtime; what goes wrong there is an error of the backend. */
  #native<T>(what: string, run: () => T): T {
    const fail = (cause: unknown): never => {
      if (!(cause instanceof OnnxRuntimeError)) throw cause;
      const { name } = this.#places.placement;
      throw new SecateurError("backend", `onnxruntime (${name}) ${what}: ${cause.message}`, { cause });
    };
    try {
      const result = run();
      return result instanceof Promise ? (result.catch(fail) as T) : result; // a promise of the same
    } catch (cause) {
      return fail(cause);
    }
  }
}

function nativeTensor(ort: OnnxRuntime, { dtype, shape, data }: HostTensor): OrtTensor {
  // Each dtype has its own array.
  if (dtype === "F32") return ort.tensor("float32", data as Float32Array, shape);
  return dtype === "I32" ? ort.tensor("int32", data as Int32Array, shape) : ort.tensor("bool", data as Uint8Array, shape);
}

function emptyTensor(dtype: HostTensor["dtype"], shape: readonly number[]): HostTensor {
  const size = sizeOf(shape);
  if (dtype === "F32") return tensor("F32", shape, new Float32Array(size));
  return dtype === "I32" ? tensor("I32", shape, new Int32Array(size)) : tensor("BOOL", shape, new Uint8Array(size));
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
