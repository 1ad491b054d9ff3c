import { expandProgram, GraphError, type Program, valueNamed } from "@secateur/graph";
import onnxProto from "onnx-proto";
import { type Constant, declaredDims, type Emit, elementType, inputValues, type NodeAttributes, TRANSLATORS } from "./nodes.ts";

const { onnx } = onnxProto;

/** How a program is written as ONNX. */
export interface OnnxOptions {
  /** Which fused ops stay one operator where ONNX has one; the others are written in primitives. Default: all. */
  readonly fused?: (kind: string) => boolean;
}

// The first opset with RMSNormalization, RotaryEmbedding and Attention, and the file version that goes with it.
const OPSET = 23;
const IR_VERSION = 10;

/** The bytes of an ONNX ModelProto that computes a program. Its inputs are the program's inputs and weights, its outputs the program's outputs, all under their own names. */
export function toOnnx(program: Program, options: OnnxOptions = {}): Uint8Array {
  const keep = options.fused ?? (() => true);
  const source = expandProgram(program, (kind) => kind in TRANSLATORS && keep(kind));
  const nodes: object[] = [];
  const initializers = new Map<string, object>();

  const clash = [...program.inputs, ...program.weights].find(({ name }) => Object.hasOwn(program.outputs, name));
  if (clash) throw new GraphError("duplicate", `${clash.name} names both an input and an output: ONNX wants two names`);

  // An op writes straight to the output's name when it is the only one that wants its value.
  const written = new Set(source.ops.map((op) => op.output));
  const finalName = new Map<string, string>();
  for (const [name, value] of Object.entries(source.outputs)) {
    if (written.has(value) && !finalName.has(value)) finalName.set(value, name);
  }
  const nameOf = (value: string): string => finalName.get(value) ?? value;

  let count = 0;
  const emit: Emit = {
    program: source,
    node(opType, inputs, attributes = {}, output = `n${count++}`) {
      nodes.push({ opType, name: `${opType}.${nodes.length}`, input: inputs, output: [output], attribute: attributeProtos(attributes) });
      return output;
    },
    constant(value) {
      const name = `c:${JSON.stringify(value)}`;
      if (!initializers.has(name)) initializers.set(name, constantProto(name, value));
      return name;
    },
  };
  for (const op of source.ops) {
    const translate = TRANSLATORS[op.kind];
    if (!translate) throw new TypeError(`no ONNX operator is known for the primitive ${op.kind}`);
    translate(emit, op.inputs.map(nameOf), op.attributes, nameOf(op.output), inputValues(source, op.inputs));
  }
  for (const [name, value] of Object.entries(source.outputs)) {
    if (nameOf(value) !== name) emit.node("Identity", [nameOf(value)], {}, name);
  }

  const declare = (name: string, value: string): object => {
    const declared = valueNamed(source, value);
    return { name, type: { tensorType: { elemType: elementType(declared), shape: { dim: declaredDims(declared, source) } } } };
  };
  const model = {
    irVersion: IR_VERSION,
    producerName: "secateur",
    opsetImport: [{ domain: "", version: OPSET }],
    graph: {
      name: "program",
      node: nodes,
      initializer: [...initializers.values()],
      input: [...source.inputs, ...source.weights].map(({ name }) => declare(name, name)),
      output: Object.entries(source.outputs).map(([name, value]) => declare(name, value)),
    },
  };
  return onnx.ModelProto.encode(model).finish();
}

// AttributeProto.AttributeType
const ATTRIBUTE = { FLOAT: 1, INT: 2, STRING: 3, INTS: 7 };

function attributeProtos(attributes: NodeAttributes): object[] {
  return Object.entries(attributes).map(([name, value]) => {
    if (typeof value === "number") return { name, type: ATTRIBUTE.INT, i: value };
    if ("float" in value) return { name, type: ATTRIBUTE.FLOAT, f: value.float };
    if ("text" in value) return { name, type: ATTRIBUTE.STRING, s: new TextEncoder().encode(value.text) };
    return { name, type: ATTRIBUTE.INTS, ints: value };
  });
}

function constantProto(name: string, value: Constant): object {
  if ("float" in value) return { name, dataType: 1, dims: [], floatData: [value.float] };
  return { name, dataType: 7, dims: [value.int64.length], int64Data: value.int64 };
}
