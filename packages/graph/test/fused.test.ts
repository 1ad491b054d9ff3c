import { describe, expect, it } from "vitest";
import { type Dim, GraphError, type ProgramBuilder, programBuilder, type Value } from "../src/index.ts";

const inputs = {
  x: ["batch", "tokens", "hidden"],
  kv: ["batch", "tokens", "kvHeads*headDim"],
  cos: ["tokens", 2],
  slots: ["batch", 2, "slots", 4],
  scale: ["hidden"],
  w: [5, "hidden"],
  bias: [5],
} as const satisfies Record<string, readonly Dim[]>;

type Given = { b: ProgramBuilder } & Record<keyof typeof inputs | "target" | "seen", Value>;

function start(): Given {
  const b = programBuilder({ hidden: 16, heads: 4, kvHeads: 2, headDim: 4 });
  const values = Object.fromEntries(Object.entries(inputs).map(([name, shape]) => [name, b.input(name, shape)]));
  const seen = b.input("seen", ["batch", "tokens", "slots"], "BOOL");
  return { b, ...values, seen, target: b.input("target", ["batch", "tokens"], "I32") } as Given; // a value for each key of `inputs`
}

const attention = { heads: 4, kvHeads: 2, scale: 0.5, window: 0 };

describe("shapes of fused ops", () => {
  it.each<[string, (given: Given) => Value, readonly Dim[]]>([
    ["linear", ({ b, x, w }) => b.linear(x, w), ["batch", "tokens", 5]],
    ["linear with a bias", ({ b, x, w, bias }) => b.linear(x, w, bias), ["batch", "tokens", 5]],
    ["linear of a vector", ({ b, scale, w }) => b.linear(scale, w), [5]],
    ["rmsNorm", ({ b, x, scale }) => b.rmsNorm(x, scale, 1e-6), ["batch", "tokens", 16]],
    ["rope", ({ b, x, cos }) => b.rope(x, cos, cos, 4), ["batch", "tokens", 16]],
    ["attention", ({ b, x, kv }) => b.attention(x, kv, kv, attention), ["batch", "tokens", 16]],
    [
      "rope of own positions",
      ({ b, x }) => b.rope(x, b.input("c", ["batch", "tokens", 2]), b.input("s", ["batch", "tokens", 2]), 4),
      ["batch", "tokens", 16],
    ],
    [
      "attention on a past",
      ({ b, x, kv, slots, seen }) => b.cachedAttention(x, kv, kv, { keys: slots, values: slots, seen }, attention),
      ["batch", "tokens", 16],
    ],
    ["softmax", ({ b, x }) => b.softmax(x), ["batch", "tokens", 16]],
    ["silu", ({ b, x }) => b.silu(x), ["batch", "tokens", 16]],
    ["tokenLoss", ({ b, x, target }) => b.tokenLoss(x, target), ["batch", "tokens"]],
  ])("%s", (_, write, shape) => expect(write(start())).toMatchObject({ type: "F32", shape }));
});

describe("what fused ops refuse", () => {
  it.each<[(given: Given) => Value, string]>([
    [({ b, kv, w }) => b.linear(kv, w), "linear w of shape [5, 16] reads kv of shape [batch, tokens, 8]"],
    [({ b, x, bias }) => b.linear(x, bias), "linear bias of shape [5] reads x of shape [batch, tokens, 16]"],
    [({ b, x, w, scale }) => b.linear(x, w, scale), "the bias of w has shape [16]"],
    [({ b, x }) => b.op("linear", [x]), "linear reads 2 to 3 values, 1 were given"],
    [({ b, target, w }) => b.linear(target, w), "input 0 of linear is F32, target is I32"],
    [({ b, x, bias }) => b.rmsNorm(x, bias, 1e-6), "rmsNorm of [batch, tokens, 16] with a scale of [5]"],
    [({ b, x, scale }) => b.rmsNorm(x, scale, -1), "the epsilon of rmsNorm is a number of at least 0, found -1"],
    [({ b, x, cos }) => b.rope(x, cos, cos, 2), "rope over 2 heads of [batch, tokens, 16] wants 4 angles, found 2"],
    [({ b, x, cos }) => b.rope(x, cos, cos, 0), "heads is a whole number of at least 1, found 0"],
    [({ b, x, cos, scale }) => b.rope(x, cos, scale, 4), "rope of [batch, tokens, 16] with angles of [tokens, 2] and [16]"],
    [
      ({ b, x }) => b.rope(x, b.input("c", ["batch", 2]), b.input("s", ["batch", 2]), 4),
      "rope of [batch, tokens, 16] with angles of [batch, 2] and [batch, 2]",
    ],
    [({ b, x, kv }) => b.attention(x, kv, kv, { ...attention, kvHeads: 4 }), "attention of 4 heads on 4 with widths 16, 8 and 8"],
    [({ b, x, kv }) => b.attention(x, kv, x, attention), "attention of 4 heads on 2 with widths 16, 8 and 16"],
    [({ b, x, kv }) => b.attention(x, kv, kv, { ...attention, window: -1 }), "the window of attention is a count of tokens or 0, found -1"],
    [({ b, x, kv }) => b.attention(x, kv, kv, { ...attention, heads: 1.5 }), "heads is a whole number of at least 1, found 1.5"],
    [
      ({ b, x, kv }) => b.attention(x, kv, b.input("v", ["batch", 3, 8]), attention),
      "attention of [batch, tokens, 16] on [batch, tokens, 8] and [batch, 3, 8]",
    ],
    [
      ({ b, x, kv, slots, seen }) => b.cachedAttention(x, kv, kv, { keys: slots, values: slots, seen }, { ...attention, kvHeads: 4 }),
      "attention of 4 heads on 4 with widths 16, 8 and 8",
    ],
    [
      ({ b, x, kv, slots, seen }) =>
        b.cachedAttention(x, kv, kv, { keys: slots, values: b.input("v", ["batch", 2, 7, 4]), seen }, attention),
      "attention of [batch, tokens, 16] on a past of [batch, 2, slots, 4] and [batch, 2, 7, 4], of which [batch, tokens, slots] is seen",
    ],
    [
      ({ b, x, kv, slots }) =>
        b.cachedAttention(x, kv, kv, { keys: slots, values: slots, seen: b.input("s", ["batch", "slots"], "BOOL") }, attention),
      "attention of [batch, tokens, 16] on a past of [batch, 2, slots, 4] and [batch, 2, slots, 4], of which [batch, slots] is seen",
    ],
    [
      ({ b, x, kv, slots, scale }) => b.cachedAttention(x, kv, kv, { keys: slots, values: slots, seen: scale }, attention),
      "input 5 of cachedAttention is BOOL, scale is F32",
    ],
    [({ b, target }) => b.softmax(target), "input 0 of softmax is F32, target is I32"],
    [({ b }) => b.softmax(b.constant(1)), "constant.0 of shape [] has no axis -1"],
    [({ b, x }) => b.tokenLoss(x, x), "input 1 of tokenLoss is I32, x is F32"],
    [({ b, x }) => b.tokenLoss(x, b.input("t", ["tokens"], "I32")), "tokenLoss of [batch, tokens, 16] with targets of [tokens]"],
  ])("%s", (write, message) => expect(() => write(start())).toThrow(new GraphError("shape", message)));
});
