import type { Backend, DeviceTensor } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import type { Product } from "./cholesky.ts";

/** The backend's matrix product on host arrays. */
export function productOf(backend: Backend): Product {
  return async (a, b, { m, k, n, transposeB = false, into = new Float32Array(m * n) }) => {
    const held: DeviceTensor[] = [];
    const put = (shape: readonly number[], data: Float32Array): DeviceTensor => {
      const value = backend.upload(f32(shape, data));
      held.push(value);
      return value;
    };
    try {
      const result = put([m, n], into);
      await backend.matmul(put([m, k], a), put(transposeB ? [n, k] : [k, n], b), { transposeB, into: result });
      const { data } = await backend.download(result);
      if (data !== into) into.set(data as Float32Array); // a product of F32 is F32; a device may have memory of its own
      return into;
    } finally {
      for (const value of held) backend.release(value);
    }
  };
}
