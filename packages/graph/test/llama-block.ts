import { type Program, programBuilder } from "../src/index.ts";

/** Sizes of a small block of grouped-query attention and a gated feed-forward layer. */
export const SIZES: {
  readonly hidden: number;
  readonly ffn: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
} = {
  hidden: 32,
  ffn: 48,
  heads: 4,
  kvHeads: 2,
  headDim: 8,
};

/** Such a block, its matrices and norms named as model files name them. */
export function llamaBlock(): Program {
  const b = programBuilder({ ...SIZES });
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const cos = b.input("cos", ["tokens", SIZES.headDim / 2]);
  const sin = b.input("sin", ["tokens", SIZES.headDim / 2]);
  const normed = b.rmsNorm(x, b.weight("norm1", ["hidden"]), 1e-5);
  const q = b.linear(normed, b.weight("q", ["heads*headDim", "hidden"]));
  const k = b.linear(normed, b.weight("k", ["kvHeads*headDim", "hidden"]));
  const v = b.linear(normed, b.weight("v", ["kvHeads*headDim", "hidden"]));
  const mixed = b.attention(b.rope(q, cos, sin, SIZES.heads), b.rope(k, cos, sin, SIZES.kvHeads), v, {
    heads: SIZES.heads,
    kvHeads: SIZES.kvHeads,
    scale: SIZES.headDim ** -0.5,
    window: 0,
  });
  const middle = b.add(x, b.linear(mixed, b.weight("o", ["hidden", "heads*headDim"])));
  const inner = b.rmsNorm(middle, b.weight("norm2", ["hidden"]), 1e-5);
  const gate = b.silu(b.linear(inner, b.weight("gate", ["ffn", "hidden"])));
  const up = b.linear(inner, b.weight("up", ["ffn", "hidden"]));
  return b.build({ y: b.add(middle, b.linear(b.mul(gate, up), b.weight("down", ["hidden", "ffn"]))) });
}
