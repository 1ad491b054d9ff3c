import { OnnxRuntimeError } from "./errors.ts";
import { type Handle, handleOf, own } from "./handle.ts";

/** The array that holds a tensor of each type. Half-precision numbers are given as their bits, truth values as 0 and 1. */
export interface TensorArrays {
  float32: Float32Array;
  float64: Float64Array;
  float16: Uint16Array;
  bfloat16: Uint16Array;
  int8: Int8Array;
  uint8: Uint8Array;
  int16: Int16Array;
  uint16: Uint16Array;
  int32: Int32Array;
  uint32: Uint32Array;
  int64: BigInt64Array;
  uint64: BigUint64Array;
  bool: Uint8Array;
}

/** What a tensor's elements are. */
export type TensorType = keyof TensorArrays;

interface TypeFacts {
  /** The type's number in ONNXTensorElementDataType (onnxruntime_c_api.h). */
  readonly code: number;
  readonly array: new (buffer: ArrayBuffer) => TensorArrays[TensorType];
  readonly bytes: number;
}

const TYPES: Readonly<Record<TensorType, TypeFacts>> = {
  float32: { code: 1, array: Float32Array, bytes: 4 },
  uint8: { code: 2, array: Uint8Array, bytes: 1 },
  int8: { code: 3, array: Int8Array, bytes: 1 },
  uint16: { code: 4, array: Uint16Array, bytes: 2 },
  int16: { code: 5, array: Int16Array, bytes: 2 },
  int32: { code: 6, array: Int32Array, bytes: 4 },
  int64: { code: 7, array: BigInt64Array, bytes: 8 },
  bool: { code: 9, array: Uint8Array, bytes: 1 },
  float16: { code: 10, array: Uint16Array, bytes: 2 },
  float64: { code: 11, array: Float64Array, bytes: 8 },
  uint32: { code: 12, array: Uint32Array, bytes: 4 },
  uint64: { code: 13, array: BigUint64Array, bytes: 8 },
  bfloat16: { code: 16, array: Uint16Array, bytes: 2 },
};

/** A tensor over the caller's array: results are written into it, and what the caller writes is what the next run reads. */
export class Tensor<T extends TensorType = TensorType> {
  readonly type: T;
  readonly dims: readonly number[];
  /** The array itself. It must not change while a run uses it. */
  readonly data: TensorArrays[T];

  constructor(type: T, data: TensorArrays[T], dims: readonly number[], handle: Handle) {
    this.type = type;
    this.data = data;
    this.dims = dims;
    own(this, handle);
    Object.freeze(this);
  }

  get released(): boolean {
    return handleOf(this, "tensor").released;
  }

  /** Lets go of the array. Throws OnnxRuntimeError `busy` during a run, `released` the second time. */
  release(): void {
    handleOf(this, "tensor").release();
  }
}

/** The type with a number of ONNX Runtime's; undefined for what has no array, such as strings. */
export function typeOfCode(code: number): TensorType | undefined {
  return (Object.keys(TYPES) as TensorType[]).find((type) => TYPES[type].code === code); // its keys are the types
}

/** The number of a type. Throws OnnxRuntimeError `argument` for what is none. */
export function codeOf(type: TensorType): number {
  return factsOf(type).code;
}

/** A new array for a type over a buffer that fits. */
export function arrayOver<T extends TensorType>(type: T, buffer: ArrayBuffer): TensorArrays[T] {
  return new (factsOf(type).array)(buffer) as TensorArrays[T]; // the table has each type's own
}

/** So many bytes take the elements of a type. */
export function bytesOf(type: TensorType, elements: number): number {
  return factsOf(type).bytes * elements;
}

/** Throws OnnxRuntimeError `argument` unless an array of the type holds just as many elements as the dimensions say, in memory that stays where it is. */
export function checkArray(type: TensorType, data: unknown, dims: unknown): void {
  const { array } = factsOf(type);
  if (!(data instanceof array)) throw wrong(`a tensor of type ${type} wants a ${array.name}, not ${kindOf(data)}`);
  const count = elementsOf(dims);
  const length = lengthOf(data);
  if (count !== length) throw wrong(`dimensions [${String(dims)}] hold ${count} elements, the array has ${length}`);
  const buffer = bufferOf(data);
  if (!(buffer instanceof ArrayBuffer)) throw wrong("the array lies in shared memory, which may change during a run: copy it");
  if ((buffer as { resizable?: boolean }).resizable) throw wrong("the array's buffer is resizable and may shrink under a run: copy it");
}

/** Throws OnnxRuntimeError `memory` when the array that a tensor was made over has lost its memory. */
export function checkMemory({ type, data, dims }: Tensor, name: string): void {
  const wanted = elementsOf(dims);
  if (lengthOf(data) !== wanted)
    throw new OnnxRuntimeError(
      "memory",
      `the array of ${name} (${type}, [${dims.join(", ")}]) was detached: it was transferred, or its memory grew`,
    );
}

/** The number of elements of a shape. Throws OnnxRuntimeError `argument` for what is no shape. */
export function elementsOf(dims: unknown): number {
  if (!Array.isArray(dims)) throw wrong(`dimensions are an array of numbers, not ${kindOf(dims)}`);
  let count = 1;
  for (const dim of dims as unknown[]) {
    if (!Number.isSafeInteger(dim) || (dim as number) < 0) throw wrong(`dimensions are whole numbers from 0 on, not ${kindOf(dim)}`);
    count *= dim as number;
  }
  if (!Number.isSafeInteger(count)) throw wrong(`dimensions [${dims.join(", ")}] hold more elements than can be counted`);
  return count;
}

// What an array itself says of its memory: a subclass may say otherwise.
const prototype = Object.getPrototypeOf(Uint8Array.prototype) as object;
const getter = (name: string): (() => unknown) => Object.getOwnPropertyDescriptor(prototype, name)?.get as () => unknown; // each typed array has both
const [lengthGetter, bufferGetter] = [getter("length"), getter("buffer")];
const lengthOf = (data: object): number => lengthGetter.call(data) as number;
const bufferOf = (data: object): unknown => bufferGetter.call(data);

/** A value in a message. */
export function kindOf(value: unknown): string {
  if (typeof value === "number" || typeof value === "boolean" || value === null || value === undefined) return String(value);
  if (typeof value === "object") return value.constructor?.name ?? "an object";
  return typeof value === "string" ? JSON.stringify(value) : typeof value;
}

function factsOf(type: unknown): TypeFacts {
  if (typeof type === "string" && Object.hasOwn(TYPES, type)) return TYPES[type as TensorType];
  throw wrong(`${kindOf(type)} is no tensor type: ${Object.keys(TYPES).join(", ")}`);
}

function wrong(message: string): OnnxRuntimeError {
  return new OnnxRuntimeError("argument", message);
}
