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
  if (!transposed && data instanceof Uint16Array) {
    // Which weights go is as good as random, so a branch would be guessed wrong half of the time.
    for (let k = 0; k < data.length; k++) data[k] = (data[k] as number) & -(mask[k] as number);
  } else if (transposed) {
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
  let zeros = 0;
  if (data instanceof Uint16Array) {
    // A pattern without its sign is 0 for both zeros, and 0 less one is the only one to become negative.
    for (let k = 0; k < data.length; k++) zeros += (((data[k] as number) & 0x7fff) - 1) >>> 31;
  } else for (let k = 0; k < data.length; k++) if (data[k] === 0) zeros++;
  return zeros;
}
