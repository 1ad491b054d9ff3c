import type { Linear } from "@secateur/kit";
import { f32, type Tensor, toFloat32 } from "@secateur/tensor";
import { frozen } from "./given.ts";
import type { Target } from "./targets.ts";

/** A layer that is pruned as plugins see it: of it nothing but the numbers themselves can be changed. */
export function linearOf({ tensor, shape, weight }: Target, weights: Tensor): Linear {
  return frozen({
    name: tensor,
    weights: f32([...shape], toFloat32(weights)),
    axes: [...weight.axes] as [string, string], // a linear's weight has two axes
    sizes: Object.fromEntries(weight.axes.map((axis, i) => [axis, shape[i] as number])),
  });
}
