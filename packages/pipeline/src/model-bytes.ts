import type { TensorInfo } from "@secateur/kit";
import { byteSize } from "@secateur/tensor";
import type { LayerReport } from "./prune-layer.ts";

/** What a pruned model's tensors take. */
export interface ModelBytes {
  /** As they are stored: zeros take as much room as other numbers. */
  readonly dense: number;
  /** With the zeros of the pruned layers left out: the weights that stay, and one bit a weight to say where they are; a layer that this makes no smaller is as it is. */
  readonly packed: number;
}

/** The bytes of a model's tensors, of which some have been pruned. */
export function modelBytes(tensors: ReadonlyMap<string, TensorInfo>, layers: readonly Pick<LayerReport, "tensor" | "zeros">[]): ModelBytes {
  const zerosOf = new Map(layers.map(({ tensor, zeros }) => [tensor, zeros]));
  let [dense, packed] = [0, 0];
  for (const info of tensors.values()) {
    const bytes = byteSize(info);
    const zeros = zerosOf.get(info.name) ?? 0;
    const size = info.shape.reduce((product, length) => product * length, 1);
    dense += bytes;
    packed += zeros === 0 ? bytes : Math.min(bytes, (bytes / size) * (size - zeros) + Math.ceil(size / 8));
  }
  return { dense, packed };
}
