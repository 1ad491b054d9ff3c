import {
  type Axes,
  type Dim,
  gradientName,
  gradientProgram,
  type Program,
  type ProgramBuilder,
  programBuilder,
  resolveShape,
  type Value,
  type ValueType,
  valueNamed,
} from "@secateur/graph";
import { allocate, type Random, sizeOf, type Tensor, tensor } from "@secateur/tensor";

/** A small program that gives `y`, and how to draw its inputs. */
export interface BackendCase {
  readonly name: string;
  readonly program: Program;
  /** Its inputs and weights by name, for sizes of the axes that are bound when it runs. */
  draw(sizes: Axes, random: Random): Record<string, Tensor<ValueType>>;
}

/** The shape of an input, what its elements are and how one is drawn. */
interface Source {
  readonly shape: readonly Dim[];
  readonly type: ValueType;
  readonly weight?: boolean;
  element(random: Random): number;
}

/** Programs of one op each, most of them over `batch` and `tokens`: every primitive and every fused op is among them. */
export function opCases(): BackendCase[] {
  return [...primitiveCases(), ...fusedCases()];
}

/** A decoder block with taps: grouped heads, a bias, a window, four taps of which two are shared. Its outputs are `y` and what each tap reads, `tap0` … `tap3`. */
export function blockCase(): BackendCase {
  const [hidden, ffn, heads, kvHeads, size] = [16, 24, 4, 2, 4];
  const axes = { hidden, ffn, heads, kvHeads, headDim: size };
  const given = {
    x: numbers("batch", "tokens", "hidden"),
    cos: numbers("tokens", size / 2),
    sin: numbers("tokens", size / 2),
    firstScale: weights("hidden"),
    secondScale: weights("hidden"),
    wq: weights("heads*headDim", "hidden"),
    wk: weights("kvHeads*headDim", "hidden"),
    wv: weights("kvHeads*headDim", "hidden"),
    bq: weights("heads*headDim"),
    wo: weights("hidden", "heads*headDim"),
    gate: weights("ffn", "hidden"),
    up: weights("ffn", "hidden"),
    down: weights("hidden", "ffn"),
  };
  return backendCase(
    "a decoder block",
    given,
    (b, v) => {
      const normed = b.rmsNorm(v.x, v.firstScale, 1e-5);
      const q = b.rope(b.linear(normed, v.wq, v.bq), v.cos, v.sin, heads);
      const k = b.rope(b.linear(normed, v.wk), v.cos, v.sin, kvHeads);
      const mixed = b.attention(q, k, b.linear(normed, v.wv), { heads, kvHeads, scale: size ** -0.5, window: 6 });
      const middle = b.add(v.x, b.linear(mixed, v.wo));
      const inner = b.rmsNorm(middle, v.secondScale, 1e-5);
      const gated = b.mul(b.silu(b.linear(inner, v.gate)), b.linear(inner, v.up));
      return { y: b.add(middle, b.linear(gated, v.down)), tap0: normed, tap1: mixed, tap2: inner, tap3: gated };
    },
    axes,
  );
}

/** The backward pass of a case: from ∂loss/∂y to the gradients of its inputs, and of what each linear layer gives. */
export function gradientCase({ name, program, draw }: BackendCase, wrt: readonly string[]): BackendCase {
  const backward = gradientProgram(program, ["y"], wrt);
  const y = valueNamed(program, program.outputs.y as string);
  const layers = backward.taps.flatMap(({ linears }) => linears.flatMap(({ weight, gradient }) => (gradient ? [[weight, gradient]] : [])));
  return {
    name: `the gradient of ${name}`,
    program: { ...backward, outputs: { ...backward.outputs, ...Object.fromEntries(layers) } },
    draw: (sizes, random) => {
      const shape = resolveShape(y.shape, { ...program.axes, ...sizes });
      const given = Float32Array.from({ length: sizeOf(shape) }, () => random.next() * 2 - 1);
      return { ...draw(sizes, random), [gradientName("y")]: tensor("F32", shape, given) };
    },
  };
}

/** A case from its inputs and a function that writes the program and gives the outputs, or `y` alone. */
export function backendCase<Given extends Record<string, Source>>(
  name: string,
  given: Given,
  write: (b: ProgramBuilder, values: { [Name in keyof Given]: Value }) => Value | Record<string, Value>,
  axes: Axes = {},
): BackendCase {
  const b = programBuilder(axes);
  const values = Object.fromEntries(
    Object.entries(given).map(([key, { shape, type, weight }]) => [key, weight ? b.weight(key, shape) : b.input(key, shape, type)]),
  ) as { [Name in keyof Given]: Value }; // one value for each key of `given`
  const written = write(b, values);
  return {
    name,
    program: b.build(isValue(written) ? { y: written } : written),
    draw: (sizes, random) =>
      Object.fromEntries(
        Object.entries(given).map(([key, source]) => {
          const shape = resolveShape(source.shape, { ...axes, ...sizes });
          const data = allocate(source.type, sizeOf(shape));
          for (let i = 0; i < data.length; i++) data[i] = source.element(random);
          return [key, tensor<ValueType>(source.type, shape, data)];
        }),
      ),
  };
}

/** Numbers in [−2, 2). */
export function numbers(...shape: Dim[]): Source {
  return { shape, type: "F32", element: (random) => random.next() * 4 - 2 };
}

function primitiveCases(): BackendCase[] {
  const x = numbers("batch", "tokens", 6);
  const tied = halves("batch", "tokens", 6);
  return [
    backendCase("matmul of two matrices", { a: numbers("tokens", 6), b: numbers(6, 5) }, (b, v) => b.matmul(v.a, v.b)),
    backendCase("matmul of a batch with one matrix", { x, w: numbers(6, 5) }, (b, v) => b.matmul(v.x, v.w)),
    backendCase("matmul over tokens", { a: numbers("batch", 1, "tokens"), x }, (b, v) => b.matmul(v.a, v.x)),
    backendCase(
      "matmul with leading axes that broadcast",
      { a: numbers("batch", 2, 3, "tokens", 4), b: numbers("batch", 2, 1, 4, "tokens") },
      (b, v) => b.matmul(v.a, v.b),
    ),
    backendCase("add of equal shapes", { x, y: x }, (b, v) => b.add(v.x, v.y)),
    backendCase("add of a row", { x, row: numbers(6) }, (b, v) => b.add(v.x, v.row)),
    backendCase("sub of a row from a column", { column: numbers("tokens", 1), row: numbers(1, "tokens") }, (b, v) =>
      b.sub(v.column, v.row),
    ),
    backendCase("sub from a constant", { x }, (b, v) => b.sub(b.constant(0.75), v.x)),
    backendCase("mul of a column", { x, column: numbers("batch", "tokens", 1) }, (b, v) => b.mul(v.x, v.column)),
    backendCase("mul of a value with itself", { x }, (b, v) => b.mul(v.x, v.x)),
    backendCase("div", { x, y: positives("batch", 1, 6) }, (b, v) => b.div(v.x, v.y)),
    backendCase("exp", { x }, (b, v) => b.exp(v.x)),
    backendCase("log", { x: positives("batch", "tokens", 6) }, (b, v) => b.log(v.x)),
    backendCase("sqrt", { x: positives("batch", "tokens", 6) }, (b, v) => b.sqrt(v.x)),
    backendCase("lessEqual with ties", { x: tied, row: halves(6) }, (b, v) => b.lessEqual(v.x, v.row)),
    backendCase("select by a given condition", { c: flags("batch", "tokens", 1), x, y: x }, (b, v) => b.select(v.c, v.x, v.y)),
    backendCase("select that broadcasts", { c: flags("tokens", 6), x: numbers("batch", 1, 6) }, (b, v) =>
      b.select(v.c, v.x, b.constant(-3)),
    ),
    backendCase("reduceSum of the last axis", { x }, (b, v) => b.reduceSum(v.x, -1)),
    backendCase("reduceSum of the first axis, kept", { x }, (b, v) => b.reduceSum(v.x, 0, true)),
    backendCase("reduceMax of tokens", { x: tied }, (b, v) => b.reduceMax(v.x, 1)),
    backendCase("reduceMax of the last axis, kept", { x: tied }, (b, v) => b.reduceMax(v.x, -1, true)),
    backendCase("argmax, the first of equals", { x: tied }, (b, v) => b.argmax(v.x)),
    backendCase("iota along tokens", { x }, (b, v) => b.iota(v.x, 1)),
    backendCase("iota along the last axis, from a number on", { x }, (b, v) => b.iota(v.x, -1, 5)),
    backendCase("lessEqual of whole numbers", { x }, (b, v) => b.lessEqual(b.reshape(b.iota(v.x, 1, 1), ["tokens", 1]), b.iota(v.x, -1))),
    backendCase("reshape that joins and splits axes", { x }, (b, v) => b.reshape(v.x, ["batch*tokens", 2, 3])),
    backendCase("reshape that splits the last axis", { x }, (b, v) => b.reshape(v.x, ["batch", "tokens", 3, 2])),
    backendCase("transpose of three axes", { x }, (b, v) => b.transpose(v.x, [2, 0, 1])),
    backendCase("transpose of heads", { x: numbers("batch", "tokens", 3, 2) }, (b, v) => b.transpose(v.x, [0, 2, 1, 3])),
    backendCase("slice of the last axis", { x }, (b, v) => b.slice(v.x, -1, 1, 4)),
    backendCase("slice of a middle axis", { x: numbers("batch", 5, "tokens") }, (b, v) => b.slice(v.x, 1, 4, 5)),
    backendCase("concat of three parts", { x, y: numbers("batch", "tokens", 1) }, (b, v) => b.concat([v.x, v.y, v.x], -1)),
    backendCase("concat of a middle axis", { x: numbers("batch", 2, "tokens"), y: numbers("batch", 1, "tokens") }, (b, v) =>
      b.concat([v.x, v.y], 1),
    ),
    backendCase("pick", { x, index: indices(6, "batch", "tokens") }, (b, v) => b.pick(v.x, v.index)),
    backendCase("scatterAdd", { x, index: indices(6, "batch", "tokens"), value: numbers("batch", "tokens") }, (b, v) =>
      b.scatterAdd(v.x, v.index, v.value),
    ),
  ];
}

function fusedCases(): BackendCase[] {
  const x = numbers("batch", "tokens", 6);
  const attention = (name: string, heads: number, kvHeads: number, window: number): BackendCase =>
    backendCase(
      `attention ${name}`,
      { q: numbers("batch", "tokens", heads * 4), k: numbers("batch", "tokens", kvHeads * 4), v: numbers("batch", "tokens", kvHeads * 4) },
      (b, v) => b.attention(v.q, v.k, v.v, { heads, kvHeads, scale: 0.5, window }),
    );
  const slots = 5;
  const withPast = (name: string, heads: number, kvHeads: number, window: number): BackendCase =>
    backendCase(
      `attention on a past${name}`,
      {
        q: numbers("batch", "tokens", heads * 4),
        k: numbers("batch", "tokens", kvHeads * 4),
        v: numbers("batch", "tokens", kvHeads * 4),
        keys: numbers("batch", kvHeads, slots, 4),
        values: numbers("batch", kvHeads, slots, 4),
        seen: flags("batch", "tokens", slots),
      },
      (b, { q, k, v, ...past }) => b.cachedAttention(q, k, v, past, { heads, kvHeads, scale: 0.5, window }),
    );
  return [
    backendCase("linear", { x, w: weights(5, 6) }, (b, v) => b.linear(v.x, v.w)),
    backendCase("linear with a bias", { x, w: weights(5, 6), bias: weights(5) }, (b, v) => b.linear(v.x, v.w, v.bias)),
    backendCase("linear of a matrix", { x: numbers("tokens", 6), w: weights(5, 6), bias: weights(5) }, (b, v) =>
      b.linear(v.x, v.w, v.bias),
    ),
    backendCase("rmsNorm", { x, scale: weights(6) }, (b, v) => b.rmsNorm(v.x, v.scale, 1e-5)),
    backendCase("rmsNorm of small numbers", { x: scaled(1e-4, "batch", "tokens", 6), scale: weights(6) }, (b, v) =>
      b.rmsNorm(v.x, v.scale, 1e-6),
    ),
    backendCase("rmsNorm of each head", { x: numbers("batch", "tokens", 3, 4), scale: weights(4) }, (b, v) =>
      b.rmsNorm(v.x, v.scale, 1e-5),
    ),
    backendCase("rope", { x: numbers("batch", "tokens", 24), cos: numbers("tokens", 4), sin: numbers("tokens", 4) }, (b, v) =>
      b.rope(v.x, v.cos, v.sin, 3),
    ),
    backendCase(
      "rope with angles of each sequence",
      { x: numbers("batch", "tokens", 24), cos: numbers("batch", "tokens", 4), sin: numbers("batch", "tokens", 4) },
      (b, v) => b.rope(v.x, v.cos, v.sin, 3),
    ),
    attention("of as many key as query heads", 3, 3, 0),
    attention("of grouped heads", 4, 2, 0),
    attention("of one key head", 4, 1, 0),
    attention("of a window of one token", 2, 2, 1),
    attention("of a window, grouped heads", 4, 2, 3),
    attention("of a window wider than the text", 2, 1, 1000),
    withPast("", 3, 3, 0),
    withPast(", grouped heads", 4, 2, 0),
    withPast(", a window", 4, 1, 3),
    backendCase("softmax", { x }, (b, v) => b.softmax(v.x)),
    backendCase("softmax of large numbers", { x: scaled(1e4, "batch", "tokens", 6) }, (b, v) => b.softmax(v.x)),
    backendCase("sigmoid", { x }, (b, v) => b.sigmoid(v.x)),
    backendCase("silu", { x }, (b, v) => b.silu(v.x)),
    backendCase("silu of large numbers", { x: scaled(100, "batch", "tokens", 6) }, (b, v) => b.silu(v.x)),
    backendCase("tokenLoss", { x, target: indices(6, "batch", "tokens") }, (b, v) => b.tokenLoss(v.x, v.target)),
    backendCase("tokenLoss of large logits", { x: scaled(1e3, "batch", "tokens", 6), target: indices(6, "batch", "tokens") }, (b, v) =>
      b.tokenLoss(v.x, v.target),
    ),
  ];
}

/** Weights in [−1, 1). */
function weights(...shape: Dim[]): Source {
  return { shape, type: "F32", weight: true, element: (random) => random.next() * 2 - 1 };
}

/** Numbers in [−bound, bound). */
function scaled(bound: number, ...shape: Dim[]): Source {
  return { shape, type: "F32", element: (random) => (random.next() * 2 - 1) * bound };
}

/** Numbers in [½, 3). */
function positives(...shape: Dim[]): Source {
  return { shape, type: "F32", element: (random) => random.next() * 2.5 + 0.5 };
}

/** A few numbers that are exact in single precision, so that ties are common. */
function halves(...shape: Dim[]): Source {
  return { shape, type: "F32", element: (random) => (random.below(5) - 2) / 2 };
}

/** Whole numbers below a bound. */
function indices(bound: number, ...shape: Dim[]): Source {
  return { shape, type: "I32", element: (random) => random.below(bound) };
}

function flags(...shape: Dim[]): Source {
  return { shape, type: "BOOL", element: (random) => random.below(2) };
}

function isValue(written: Value | Record<string, Value>): written is Value {
  return typeof written.name === "string";
}
