import { type Mask, SecateurError } from "@secateur/kit";
import { isFloat, sizeOf, type Tensor } from "@secateur/tensor";

/**
 * The weights with those that the mask (out, in) prunes set to +0, in a new tensor of the same dtype: the others keep every bit. `transposed` says
 * that the tensor is (in, out). Throws SecateurError `unsupported` for weights that are not floating-point, `internal` for a mask of another size.
 */
export function applyMask(weights: Tensor, mask: Mask, transposed: boolean = false): Tensor {
  if (!isFloat(weights.dtype)) {
    throw new SecateurError("unsupported", `weights of dtype ${weights.dtype} cannot be pruned, wanted F64, F32, F16 or BF16`);
  }
  if (mask.length !== sizeOf(weights.shape) || (transposed && weights.shape.length !== 2)) {
    throw new SecateurError("internal", `a mask of ${mask.length} was given for weights of shape [${weights.shape.join(", ")}]`);
  }
  const data = weights.data.slice() as Float64Array | Float32Array | Uint16Array; // of the floating-point dtypes
  if (transposed) {
    const [cols, rows] = weights.shape as readonly [number, number];
    for (let j = 0, k = 0; j < cols; j++) {
      for (let i = 0; i < rows; i++, k++) if (mask[i * cols + j] === 0) data[k] = 0;
    }
  } else {
    for (let k = 0; k < data.length; k++) if (mask[k] === 0) data[k] = 0;
  }
  return { ...weights, data };
}

/** How many of a floating-point tensor's weights are 0 or −0. Throws SecateurError `unsupported` for other dtypes. */
export function countZeros(weights: Tensor): number {
  if (!isFloat(weights.dtype))
    throw new SecateurError("unsupported", `weights of dtype ${weights.dtype} have no sparsity, wanted F64, F32, F16 or BF16`);
  const data = weights.data as Float64Array | Float32Array | Uint16Array; // of the floating-point dtypes
  const minusZero = weights.dtype === "F16" || weights.dtype === "BF16" ? 0x8000 : 0; // −0 === 0 as a number, not as a pattern
  let zeros = 0;
  for (let k = 0; k < data.length; k++) if (data[k] === 0 || data[k] === minusZero) zeros++;
  return zeros;
}
