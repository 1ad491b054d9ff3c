import type { Backend } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import type { Product } from "./cholesky.ts";

/** The backend's matrix product on host arrays. */
export function productOf(backend: Backend): Product {
  return async (a, b, { m, k, n, transposeB = false }) => {
    const held = [backend.upload(f32([m, k], a)), backend.upload(f32(transposeB ? [n, k] : [k, n], b))] as const;
    try {
      const result = await backend.matmul(...held, { transposeB });
      const host = await backend.download(result);
      backend.release(result);
      return host.data as Float32Array; // a product of F32 is F32
    } finally {
      for (const value of held) backend.release(value);
    }
  };
}
