import onnxProto from "onnx-proto";

const { onnx } = onnxProto;

/** Sizes of a value: numbers, or names for what a run decides. */
type Dims = readonly (number | string)[];

interface NodeSpec {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly output: string;
}

/** The bytes of a small model of float32 values. */
export function modelOf(
  inputs: Readonly<Record<string, Dims>>,
  outputs: Readonly<Record<string, Dims>>,
  nodes: readonly NodeSpec[],
  elemType: number = 1,
): Uint8Array {
  const declare = ([name, dims]: [string, Dims]): object => ({
    name,
    type: {
      tensorType: { elemType, shape: { dim: dims.map((dim) => (typeof dim === "number" ? { dimValue: dim } : { dimParam: dim })) } },
    },
  });
  const model = {
    irVersion: 10,
    opsetImport: [{ domain: "", version: 21 }],
    graph: {
      name: "test",
      node: nodes.map(({ op, inputs: input, output }) => ({ opType: op, name: output, input: [...input], output: [output] })),
      input: Object.entries(inputs).map(declare),
      output: Object.entries(outputs).map(declare),
    },
  };
  return onnx.ModelProto.encode(model).finish();
}

/** y = a · b, of any rows. */
export function product(): Uint8Array {
  return modelOf({ a: ["m", "k"], b: ["k", "n"] }, { y: ["m", "n"] }, [{ op: "MatMul", inputs: ["a", "b"], output: "y" }]);
}

/** y = x · w · w · w … so many times: a run that takes a while. */
export function longProduct(times: number, size: number): Uint8Array {
  const nodes = Array.from({ length: times }, (_, i) => ({
    op: "MatMul",
    inputs: [i === 0 ? "x" : `v${i - 1}`, "w"],
    output: i === times - 1 ? "y" : `v${i}`,
  }));
  return modelOf({ x: [size, size], w: [size, size] }, { y: [size, size] }, nodes);
}

/** The same model with its second input of int64, as shapes are given. */
export function withInt64(model: Uint8Array): Uint8Array {
  const decoded = onnx.ModelProto.decode(model);
  const type = decoded.graph?.input?.[1]?.type?.tensorType;
  if (type) type.elemType = 7;
  return onnx.ModelProto.encode(decoded).finish();
}
