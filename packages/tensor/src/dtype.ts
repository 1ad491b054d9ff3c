/** Element types that a tensor can carry, by the names of the safetensors format. */
export type DType = "F64" | "F32" | "F16" | "BF16" | "I64" | "I32" | "I16" | "I8" | "U8" | "BOOL";

/** The typed array that holds the elements of a dtype; F16 and BF16 are kept as their 16-bit patterns. */
export interface DTypeArrays {
  F64: Float64Array;
  F32: Float32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I64: BigInt64Array;
  I32: Int32Array;
  I16: Int16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
}

const ARRAYS = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

/** Whether a string names a dtype. */
export function isDType(name: string): name is DType {
  return Object.hasOwn(ARRAYS, name);
}

/** The size of one element in bytes. */
export function bytesPerElement(dtype: DType): number {
  return ARRAYS[dtype].BYTES_PER_ELEMENT;
}

/** A zero-filled array for `length` elements of a dtype. */
export function allocate<D extends DType>(dtype: D, length: number): DTypeArrays[D] {
  return new ARRAYS[dtype](length) as DTypeArrays[D]; // the table maps each name to its array
}

/** The elements of a dtype seen in a buffer, without a copy; `byteOffset` must be a multiple of the element's size. */
export function viewBytes<D extends DType>(dtype: D, buffer: ArrayBufferLike, byteOffset: number, length: number): DTypeArrays[D] {
  return new ARRAYS[dtype](buffer as ArrayBuffer, byteOffset, length) as DTypeArrays[D]; // as above
}
