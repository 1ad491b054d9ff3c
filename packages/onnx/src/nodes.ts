import { type Attributes, type Dim, type Program, simplify, type Value, valueNamed } from "@secateur/graph";

/** A constant that a node reads as an input. */
export type Constant = { readonly int64: readonly number[] } | { readonly float: number };

/** What a translator is given to write the nodes of one op. */
export interface Emit {
  readonly program: Program;
  /** Adds a node; its output is a new name unless one is given. Returns the output's name. */
  node(opType: string, inputs: readonly string[], attributes?: NodeAttributes, output?: string): string;
  /** The name of a constant. */
  constant(value: Constant): string;
}

/** Attributes of a node: whole numbers, single-precision numbers given as `{ float }`, or words given as `{ text }`. */
export type NodeAttributes = Readonly<Record<string, number | readonly number[] | { readonly float: number } | { readonly text: string }>>;

/** Writes one op as nodes that end in `output`. */
export type Translator = (emit: Emit, inputs: readonly string[], attributes: Attributes, output: string, values: readonly Value[]) => void;

const plain =
  (opType: string): Translator =>
  (emit, inputs, _, output) =>
    void emit.node(opType, inputs, {}, output);

const reduce =
  (opType: string): Translator =>
  (emit, [x], { axis, keep }, output) =>
    void emit.node(opType, [x as string, emit.constant({ int64: [axis as number] })], { keepdims: keep ? 1 : 0 }, output);

// TensorProto.DataType
const FLOAT = 1;
const INT32 = 6;
const BOOL = 9;

/** How each kind of op is written in ONNX operators of opset 23. A fused op that is missing here runs as its expansion. */
export const TRANSLATORS: Readonly<Record<string, Translator>> = {
  matmul: plain("MatMul"),
  add: plain("Add"),
  sub: plain("Sub"),
  mul: plain("Mul"),
  div: plain("Div"),
  exp: plain("Exp"),
  log: plain("Log"),
  sqrt: plain("Sqrt"),
  lessEqual: plain("LessOrEqual"),
  select: plain("Where"),
  reduceSum: reduce("ReduceSum"),
  reduceMax: reduce("ReduceMax"),
  argmax: (emit, [x], _, output) =>
    void emit.node("Cast", [emit.node("ArgMax", [x as string], { axis: -1, keepdims: 0 })], { to: INT32 }, output),
  constant: (emit, _, { value }, output) => void emit.node("Identity", [emit.constant({ float: value as number })], {}, output),
  iota: (emit, [x], { axis, start }, output) => {
    const counted = emit.node("Add", [counting(emit, x as string, axis as number), emit.constant({ int64: [start as number] })]);
    emit.node("Cast", [counted], { to: INT32 }, output);
  },
  reshape: (emit, [x], { shape }, output, [value]) => {
    const target = reshapeTarget(shape as readonly Dim[], value as Value, emit.program);
    emit.node("Reshape", [x as string, emit.constant({ int64: target })], {}, output);
  },
  transpose: (emit, [x], { order }, output) => void emit.node("Transpose", [x as string], { perm: order as readonly number[] }, output),
  slice: (emit, [x], { axis, start, end }, output) => {
    const [from, to, along] = [start, end, axis].map((n) => emit.constant({ int64: [n as number] })) as [string, string, string];
    emit.node("Slice", [x as string, from, to, along], {}, output);
  },
  concat: (emit, inputs, { axis }, output) => void emit.node("Concat", inputs, { axis: axis as number }, output),
  pick: (emit, [x, index], _, output) => void pick(emit, x as string, index as string, output),

  scatterAdd: (emit, [x, index, value], _, output) => {
    const last = emit.constant({ int64: [-1] });
    const [at, given] = [index, value].map((one) => emit.node("Unsqueeze", [one as string, last])) as [string, string];
    emit.node("ScatterElements", [x as string, at, given], { axis: -1, reduction: { text: "add" } }, output);
  },

  linear: (emit, [x, weight, bias], _, output) => {
    // The runtime folds a transposed operand into its matrix multiply.
    const transposed = emit.node("Transpose", [weight as string], { perm: [1, 0] });
    if (bias === undefined) emit.node("MatMul", [x as string, transposed], {}, output);
    else emit.node("Add", [emit.node("MatMul", [x as string, transposed]), bias], {}, output);
  },
  rmsNorm: (emit, inputs, { epsilon }, output) =>
    void emit.node("RMSNormalization", inputs, { axis: -1, epsilon: { float: epsilon as number } }, output),
  rope: (emit, [x, cos, sin], { heads }, output, values) => {
    // The operator wants angles for every sequence of the batch: (batch, tokens, d/2)
    const repeated = (): string[] => {
      const batch = emit.node("Shape", [x as string], { start: 0, end: 1 });
      const shape = emit.node("Concat", [batch, emit.node("Shape", [cos as string])], { axis: 0 });
      return [cos, sin].map((table) => emit.node("Expand", [table as string, shape]));
    };
    const [c, s] = (values[1]?.shape.length === 3 ? [cos, sin] : repeated()) as [string, string];
    emit.node("RotaryEmbedding", [x as string, c, s], { num_heads: heads as number }, output);
  },
  attention: (emit, [q, k, v], { heads, kvHeads, scale, window }, output) => {
    const inputs = [q as string, k as string, v as string];
    if (window) inputs.push(windowMask(emit, q as string, window as number));
    emit.node(
      "Attention",
      inputs,
      { is_causal: 1, q_num_heads: heads as number, kv_num_heads: kvHeads as number, scale: { float: scale as number } },
      output,
    );
  },
  softmax: (emit, [x], _, output) => void emit.node("Softmax", [x as string], { axis: -1 }, output),
  sigmoid: plain("Sigmoid"),
  silu: (emit, [x], _, output) => void emit.node("Mul", [x as string, emit.node("Sigmoid", [x as string])], {}, output),
  tokenLoss: (emit, [logits, target], _, output) => {
    // The runtime's LogSoftmax is several times faster than its ReduceLogSumExp, though it writes a value a token of the vocabulary.
    const logs = emit.node("LogSoftmax", [logits as string], { axis: -1 });
    emit.node("Neg", [pick(emit, logs, target as string)], {}, output);
  },
};

function pick(emit: Emit, x: string, index: string, output?: string): string {
  const last = emit.constant({ int64: [-1] });
  const picked = emit.node("GatherElements", [x, emit.node("Unsqueeze", [index, last])], { axis: -1 });
  return emit.node("Squeeze", [picked, last], {}, output);
}

/** 0, 1, 2 … along an axis, as whole numbers. */
function counting(emit: Emit, x: string, axis: number): string {
  // An axis of -1 would end at 0, which is not the last place: only axes from the front occur.
  const size = emit.node("Squeeze", [emit.node("Shape", [x], { start: axis, end: axis + 1 }), emit.constant({ int64: [0] })]);
  return emit.node("Range", [scalar(emit, 0), size, scalar(emit, 1)]);
}

function scalar(emit: Emit, value: number): string {
  return emit.node("Squeeze", [emit.constant({ int64: [value] }), emit.constant({ int64: [0] })]);
}

/** (tokens, tokens): whether a key is among the last `window` tokens up to the query. */
function windowMask(emit: Emit, q: string, window: number): string {
  const positions = counting(emit, q, 1);
  const row = emit.node("Unsqueeze", [positions, emit.constant({ int64: [1] })]);
  const column = emit.node("Unsqueeze", [positions, emit.constant({ int64: [0] })]);
  return emit.node("Less", [row, emit.node("Add", [column, emit.constant({ int64: [window] })])]);
}

/** The shape input of a Reshape: 0 copies the input's dimension at that place, −1 is what is left; both stand for sizes known only at run time. */
function reshapeTarget(shape: readonly Dim[], from: Value, program: Program): number[] {
  let open = 0;
  const target = shape.map((dim, i) => {
    const size = simplify(dim, program.axes);
    if (typeof size === "number") return size;
    const source = from.shape[i];
    if (source !== undefined && simplify(source, program.axes) === size) return 0;
    open++;
    return -1;
  });
  if (open > 1) throw new RangeError(`a reshape of [${from.shape.join(", ")}] to [${shape.join(", ")}] leaves two sizes open`);
  return target;
}

/** The type of a value in ONNX's numbering. */
export function elementType(value: Value): number {
  return { F32: FLOAT, I32: INT32, BOOL }[value.type];
}

/** A value's dimensions for its declaration: numbers, or the name of what is bound at run time. */
export function declaredDims(value: Value, program: Program): { dimValue?: number; dimParam?: string }[] {
  return value.shape.map((dim) => {
    const size = simplify(dim, program.axes);
    return typeof size === "number" ? { dimValue: size } : { dimParam: size };
  });
}

/** The values that an op reads. */
export function inputValues(program: Program, inputs: readonly string[]): Value[] {
  return inputs.map((name) => valueNamed(program, name));
}
