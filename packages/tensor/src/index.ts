export { bf16ToF32, f16Pattern, f16ToF32, f16Value, f32ToBf16, f32ToF16 } from "./codec.ts";
export { allocate, bytesPerElement, type DType, type DTypeArrays, isDType, viewBytes } from "./dtype.ts";
export { firstNotFinite } from "./finite.ts";
export { kthSmallest } from "./kth-smallest.ts";
export { type Random, seededRandom } from "./random.ts";
export { markLowest, markLowestOfEach } from "./select.ts";
export { byteSize, bytesOf, type F32Tensor, f32, fromFloat32, isFloat, sizeOf, type Tensor, tensor, toFloat32 } from "./tensor.ts";
