import { GraphError, type Program, programBuilder } from "@secateur/graph";
import onnxProto from "onnx-proto";
import { describe, expect, it } from "vitest";
import { toOnnx } from "../src/index.ts";

const decode = (bytes: Uint8Array) => onnxProto.onnx.ModelProto.decode(bytes);

function attention(window: number) {
  const b = programBuilder({ heads: 4, kvHeads: 2, d: 8 });
  const q = b.input("q", ["batch", "tokens", "heads*d"]);
  const k = b.input("k", ["batch", "tokens", "kvHeads*d"]);
  const v = b.input("v", ["batch", "tokens", "kvHeads*d"]);
  return b.build({ mixed: b.attention(q, k, v, { heads: 4, kvHeads: 2, scale: 0.5, window }) });
}

describe("toOnnx", () => {
  it("writes opset 23 with the program's own names for inputs, weights and outputs", () => {
    const b = programBuilder({ in: 3, out: 5 });
    const y = b.linear(b.input("x", ["batch", "tokens", "in"]), b.weight("w", ["out", "in"]));
    const { graph, opsetImport } = decode(toOnnx(b.build({ y })));
    expect(Number(opsetImport[0]?.version)).toBe(23);
    expect(graph?.input?.map(({ name }) => name)).toEqual(["x", "w"]);
    expect(graph?.output?.map(({ name }) => name)).toEqual(["y"]);
    const dims = graph?.input?.[0]?.type?.tensorType?.shape?.dim?.map(({ dimParam, dimValue }) => dimParam || Number(dimValue));
    expect(dims).toEqual(["batch", "tokens", 3]);
  });

  it("keeps attention as one operator, and gives it a mask only for a window", () => {
    const nodes = (window: number) => decode(toOnnx(attention(window))).graph?.node ?? [];
    expect(nodes(0).map(({ opType }) => opType)).toEqual(["Attention"]);
    expect(nodes(5).at(-1)?.input?.length).toBe(4);
  });

  it("writes only primitive operators when no fused one is kept", () => {
    const fused = ["Attention", "RotaryEmbedding", "RMSNormalization", "Softmax", "LogSoftmax"];
    const b = programBuilder({});
    const loss = b.build({ loss: b.tokenLoss(b.input("logits", ["n", 5]), b.input("target", ["n"], "I32")) });
    const kindsOf = (program: Program, kept: boolean) =>
      decode(toOnnx(program, { fused: () => kept })).graph?.node?.map(({ opType }) => opType);
    expect([kindsOf(attention(3), true), kindsOf(loss, true)]).toEqual([
      expect.arrayContaining(["Attention"]),
      expect.arrayContaining(["LogSoftmax"]),
    ]);
    const primitive = [...(kindsOf(attention(3), false) ?? []), ...(kindsOf(loss, false) ?? [])];
    expect(primitive.filter((kind) => fused.includes(kind ?? ""))).toEqual([]);
  });

  it("gives one value under two names, and an input as an output", () => {
    const b = programBuilder({});
    const x = b.input("x", ["n"]);
    const y = b.add(x, x);
    const { graph } = decode(toOnnx(b.build({ a: y, b: y, c: x })));
    expect(graph?.output?.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(graph?.node?.filter(({ opType }) => opType === "Identity").map(({ input, output }) => [input?.[0], output?.[0]])).toEqual([
      ["a", "b"],
      ["x", "c"],
    ]);
  });

  it("gives the same bytes for the same program", () => {
    expect(Buffer.compare(toOnnx(attention(2)), toOnnx(attention(2)))).toBe(0);
  });

  it("refuses a name for both an input and an output", () => {
    const b = programBuilder({});
    const x = b.input("x", ["n"]);
    expect(() => toOnnx(b.build({ x: b.add(x, x) }))).toThrow(GraphError);
    expect(() => toOnnx(b.build({ x: b.add(x, x) }))).toThrow("x names both an input and an output: ONNX wants two names");
  });
});
