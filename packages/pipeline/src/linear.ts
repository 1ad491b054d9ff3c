import type { Linear } from "@secateur/kit";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import type { Target } from "./targets.ts";

/** A layer that is pruned as plugins see it. */
export function linearOf({ tensor, shape, weight }: Target, weights: Tensor): Linear {
  return {
    name: tensor,
    weights: f32(shape, toFloat32(weights)),
    axes: weight.axes as readonly [string, string], // a linear's weight has two axes
    sizes: Object.fromEntries(weight.axes.map((axis, i) => [axis, shape[i] as number])),
  };
}
