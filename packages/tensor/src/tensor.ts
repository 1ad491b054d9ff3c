import { bf16ToF32, f16ToF32, f32ToBf16, f32ToF16 } from "./codec.ts";
import { allocate, bytesPerElement, type DType, type DTypeArrays } from "./dtype.ts";

/** A dense row-major array in host memory. `data` has exactly the product of `shape` elements. */
export interface Tensor<D extends DType = DType> {
  readonly dtype: D;
  readonly shape: readonly number[];
  readonly data: DTypeArrays[D];
}

/** A matrix or vector of single-precision numbers: what scores, weights and statistics are computed in. */
export type F32Tensor = Tensor<"F32">;

/** The number of elements of a shape; 1 for a scalar's empty shape. */
export function sizeOf(shape: readonly number[]): number {
  let size = 1;
  for (const dim of shape) size *= dim;
  return size;
}

/** A tensor over `data`, without a copy. Throws a RangeError when `data` has not as many elements as `shape` says. */
export function tensor<D extends DType>(
  dtype: D,
  shape: readonly number[],
  data: DTypeArrays[D] = allocate(dtype, sizeOf(shape)),
): Tensor<D> {
  if (data.length !== sizeOf(shape)) {
    throw new RangeError(`a tensor of shape [${shape.join(", ")}] holds ${sizeOf(shape)} elements, but ${data.length} were given`);
  }
  return { dtype, shape, data };
}

/** An F32 tensor over `data` (zeros when left out), without a copy. */
export function f32(shape: readonly number[], data?: Float32Array): F32Tensor {
  return tensor("F32", shape, data);
}

/** The size of a tensor's elements in bytes. */
export function byteSize(t: { readonly dtype: DType; readonly shape: readonly number[] }): number {
  return sizeOf(t.shape) * bytesPerElement(t.dtype);
}

/** The bytes of a tensor's elements, without a copy. */
export function bytesOf(t: Tensor): Uint8Array {
  return new Uint8Array(t.data.buffer, t.data.byteOffset, t.data.byteLength);
}

/** The values of a floating-point tensor as single precision: a view of an F32 tensor, a new array for F16, BF16 and F64. Throws a TypeError for other dtypes. */
export function toFloat32(t: Tensor): Float32Array {
  if (t.dtype === "F32") return t.data as Float32Array;
  const out = new Float32Array(t.data.length);
  if (t.dtype === "BF16") bf16ToF32(t.data as Uint16Array, out);
  else if (t.dtype === "F16") f16ToF32(t.data as Uint16Array, out);
  else if (t.dtype === "F64") out.set(t.data as Float64Array);
  else throw new TypeError(`${t.dtype} is not a floating-point dtype`);
  return out;
}

/** Single-precision values as a tensor of a floating-point dtype, rounded to nearest even. An F32 tensor shares `values`. Throws a TypeError for other dtypes. */
export function fromFloat32(dtype: DType, shape: readonly number[], values: Float32Array): Tensor {
  if (dtype === "F32") return tensor("F32", shape, values);
  if (dtype === "BF16") return tensor("BF16", shape, f32ToBf16(values, new Uint16Array(values.length)));
  if (dtype === "F16") return tensor("F16", shape, f32ToF16(values, new Uint16Array(values.length)));
  if (dtype === "F64") return tensor("F64", shape, Float64Array.from(values));
  throw new TypeError(`${dtype} is not a floating-point dtype`);
}

/** Whether a dtype holds floating-point numbers. */
export function isFloat(dtype: DType): boolean {
  return dtype === "F32" || dtype === "F16" || dtype === "BF16" || dtype === "F64";
}
