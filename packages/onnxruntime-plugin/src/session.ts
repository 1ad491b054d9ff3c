import koffi from "koffi";
import { at, cells, cStrings, textAt } from "./api.ts";
import { OnnxRuntimeError } from "./errors.ts";
import { Handle, handleOf, own } from "./handle.ts";
import { call, check, type Native, out } from "./native.ts";
import { arrayOver, bytesOf, checkMemory, elementsOf, kindOf, Tensor, type TensorType, typeOfCode } from "./tensor.ts";

/** What a session takes or gives under one name. */
export interface Port {
  readonly name: string;
  /** Absent for what no tensor holds, such as sequences and strings. */
  readonly type?: TensorType;
  /** A number, or the name of a size that the run decides; empty names for sizes without one. */
  readonly dims: readonly (number | string)[];
}

/** A model that is ready to run. */
export class Session {
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly #native: Native;
  readonly #tensor: Make;
  readonly #inputNames: ReturnType<typeof cStrings>;
  readonly #outputNames: ReturnType<typeof cStrings>;

  constructor(native: Native, pointer: bigint, tensor: Make, released: () => void) {
    this.#native = native;
    this.#tensor = tensor;
    const release = (session: bigint): void => {
      native.api.ReleaseSession(session);
      released();
    };
    const handle = new Handle(native, "session", "the session", pointer, release);
    try {
      this.inputs = portsOf(native, pointer, "Input");
      this.outputs = portsOf(native, pointer, "Output");
    } catch (error) {
      handle.release();
      throw error;
    }
    this.#inputNames = cStrings(this.inputs.map(({ name }) => name));
    this.#outputNames = cStrings(this.outputs.map(({ name }) => name));
    own(this, handle);
  }

  get released(): boolean {
    return handleOf(this, "session").released;
  }

  /**
   * Runs the model on another thread. Results are written into the tensors of `outputs`; an output without one gets a new tensor, whose release is the caller's.
   * Throws OnnxRuntimeError `argument`, `released` or `memory` for tensors that cannot be used, before anything runs, and `runtime` when the run fails.
   */
  async run(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>> = {}): Promise<Record<string, Tensor>> {
    const { api } = this.#native;
    const session = handleOf(this, "session").pointer();
    const given = this.#tensors("input", this.inputs, inputs);
    const wanted = this.#tensors("output", this.outputs, outputs);
    for (const { name } of this.inputs) if (!given.has(name)) throw wrong(`no tensor is given for the input ${name}`);

    const values = cells(this.inputs.length);
    for (const [i, { name }] of this.inputs.entries()) values[i] = pointerOf(given.get(name));
    const results = cells(this.outputs.length);
    for (const [i, { name }] of this.outputs.entries()) results[i] = pointerOf(wanted.get(name));
    const used = [handleOf(this, "session"), ...[...given.values(), ...wanted.values()].map((tensor) => handleOf(tensor, "tensor"))];
    for (const handle of used) handle.enter();
    try {
      const [names, outputNames] = [this.#inputNames.addresses, this.#outputNames.addresses];
      const args: Parameters<typeof api.Run> = [
        session,
        null,
        names,
        values,
        this.inputs.length,
        outputNames,
        this.outputs.length,
        results,
      ];
      check(api, await call(api.Run, args, [this, given, wanted]));
    } finally {
      for (const handle of used) handle.leave();
    }
    return this.#collected(wanted, results);
  }

  /** Throws OnnxRuntimeError `busy` during a run, `released` the second time. */
  release(): void {
    handleOf(this, "session").release();
  }

  /** Tensors by name, each fit for use. */
  #tensors(what: string, ports: readonly Port[], given: unknown): Map<string, Tensor> {
    if (typeof given !== "object" || given === null) throw wrong(`${what}s are tensors by name, not ${kindOf(given)}`);
    const names = new Set(ports.map(({ name }) => name));
    return new Map(
      Object.entries(given).map(([name, tensor]: [string, unknown]) => {
        if (!names.has(name)) throw wrong(`the model has no ${what} ${name}; it has ${[...names].join(", ")}`);
        if (!(tensor instanceof Tensor)) throw wrong(`the ${what} ${name} is no tensor but ${kindOf(tensor)}`);
        if (handleOf(tensor, "tensor").owner !== handleOf(this, "session").owner)
          throw wrong(`the tensor of ${name} was made by another library`);
        handleOf(tensor, "tensor").pointer(); // throws after its release
        checkMemory(tensor, name);
        return [name, tensor] as const;
      }),
    );
  }

  /** All results by name: the tensors that were given, and copies of what ONNX Runtime has allocated. When one cannot be copied, nothing of the others stays. */
  #collected(wanted: ReadonlyMap<string, Tensor>, results: BigUint64Array): Record<string, Tensor> {
    const all: Record<string, Tensor> = {};
    let failure: unknown;
    for (const [i, { name }] of this.outputs.entries()) {
      const given = wanted.get(name);
      try {
        if (given) all[name] = given;
        else if (failure === undefined) all[name] = this.#copied(name, at(results, i));
        else this.#native.api.ReleaseValue(at(results, i));
      } catch (error) {
        failure = error;
      }
    }
    if (failure === undefined) return all;
    for (const [name, tensor] of Object.entries(all)) if (!wanted.has(name)) tensor.release();
    throw failure;
  }

  /** A result that ONNX Runtime has allocated, as a tensor over memory of ours. */
  #copied(name: string, value: bigint): Tensor {
    const { api } = this.#native;
    try {
      const info = out(api, (memory) => api.GetTensorTypeAndShape(value, memory));
      let found: ReturnType<typeof shapeOf>;
      try {
        found = shapeOf(this.#native, info);
      } finally {
        api.ReleaseTensorTypeAndShapeInfo(info);
      }
      const { type, dims } = found;
      if (type === undefined) throw new OnnxRuntimeError("runtime", `the output ${name} is no tensor of numbers`);
      const bytes = bytesOf(type, elementsOf(dims));
      const start = out(api, (memory) => api.GetTensorMutableData(value, memory));
      return this.#tensor(type, arrayOver(type, copyOf(start, bytes)), dims as number[]); // a value has no open sizes
    } finally {
      api.ReleaseValue(value);
    }
  }
}

type Make = <T extends TensorType>(type: T, data: ReturnType<typeof arrayOver<T>>, dims: readonly number[]) => Tensor<T>;

function portsOf(native: Native, session: bigint, kind: "Input" | "Output"): Port[] {
  const { api, allocator } = native;
  const count = out(api, (memory) => api[`SessionGet${kind}Count`](session, memory));
  return Array.from({ length: Number(count) }, (_, i) => {
    const text = out(api, (memory) => api[`SessionGet${kind}Name`](session, i, allocator, memory));
    const name = textAt(text);
    check(api, api.AllocatorFree(allocator, text));
    const info = out(api, (memory) => api[`SessionGet${kind}TypeInfo`](session, i, memory));
    try {
      const tensor = out(api, (memory) => api.CastTypeInfoToTensorInfo(info, memory));
      if (tensor === 0n) return { name, dims: [] };
      const { type, dims } = shapeOf(native, tensor);
      return { name, dims, ...(type !== undefined && { type }) };
    } finally {
      api.ReleaseTypeInfo(info);
    }
  });
}

function shapeOf({ api }: Native, info: bigint): { readonly type: TensorType | undefined; readonly dims: (number | string)[] } {
  const type = typeOfCode(Number(out(api, (memory) => api.GetTensorElementType(info, memory)) & 0xffffffffn)); // a C enum has four bytes
  const rank = Number(out(api, (memory) => api.GetDimensionsCount(info, memory)));
  const [sizes, names] = [cells(rank), cells(rank)];
  if (rank > 0) {
    check(api, api.GetDimensions(info, sizes, rank));
    check(api, api.GetSymbolicDimensions(info, names, rank));
  }
  const dims = Array.from({ length: rank }, (_, i) => {
    const size = BigInt.asIntN(64, at(sizes, i));
    return size >= 0n ? Number(size) : textAt(at(names, i));
  });
  return { type, dims };
}

// A view of native memory holds less than 4 GiB.
const PIECE = 2 ** 28;

/** So many bytes of native memory in a buffer of their own. Throws OnnxRuntimeError `memory` when there is no room for them. */
function copyOf(start: bigint, bytes: number): ArrayBuffer {
  let copy: Uint8Array<ArrayBuffer>;
  try {
    copy = new Uint8Array(new ArrayBuffer(bytes));
  } catch (cause) {
    throw new OnnxRuntimeError("memory", `there is no memory for a result of ${bytes} bytes`, { cause });
  }
  for (let offset = 0; offset < bytes; offset += PIECE)
    copy.set(new Uint8Array(koffi.view(start + BigInt(offset), Math.min(PIECE, bytes - offset))), offset);
  return copy.buffer;
}

function pointerOf(tensor: Tensor | undefined): bigint {
  return tensor ? handleOf(tensor, "tensor").pointer() : 0n;
}

function wrong(message: string): OnnxRuntimeError {
  return new OnnxRuntimeError("argument", message);
}
