import { type Attributes, type Axes, type Program, resolveShape, type ValueType, valueNamed } from "@secateur/graph";
import { sizeOf, type Tensor } from "@secateur/tensor";

/** An array in double precision, row-major; conditions are 0 or 1. */
export interface Grid {
  readonly type: ValueType;
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/**
 * The outputs of a program in double precision, each element computed on its own from the definition of its op: slow, and plain enough to be
 * believed. `sizes` are those of the axes that are bound when a program runs.
 */
export function evaluateProgram(program: Program, inputs: Readonly<Record<string, Tensor>>, sizes: Axes): Record<string, Grid> {
  const axes = { ...program.axes, ...sizes };
  const grids = new Map<string, Grid>();
  const known = (name: string): Grid => grids.get(name) ?? fail(`the program reads ${name} before it is written`);
  for (const { name, type, shape } of [...program.inputs, ...program.weights]) {
    const given = inputs[name] ?? fail(`there is no input ${name}`);
    grids.set(name, { type, shape: resolveShape(shape, axes), data: Float64Array.from(given.data as Float32Array) });
  }
  for (const op of program.ops) {
    const rule = RULES[op.kind] ?? fail(`there is no rule for ${op.kind}`);
    const output = valueNamed(program, op.output);
    const shape = resolveShape(output.shape, axes);
    const read = op.inputs.map(known);
    grids.set(op.output, { type: output.type, shape, data: fill(shape, (index) => rule(index, read, op.attributes, shape)) });
  }
  return Object.fromEntries(Object.entries(program.outputs).map(([name, value]) => [name, known(value)]));
}

/** One element of an op's output, from its index. */
type Rule = (index: readonly number[], inputs: readonly Grid[], attributes: Attributes, shape: readonly number[]) => number;

/** Attention, on a past too where there is one. */
const attend: Rule = ([batch = 0, token = 0, channel = 0], inputs, { heads, kvHeads, scale, window }) => {
  const [q, k, v, pastKeys, pastValues, seen] = inputs as readonly [Grid, Grid, Grid, Grid?, Grid?, Grid?];
  const size = (q.shape[2] as number) / (heads as number);
  const head = Math.floor(channel / size);
  const kvHead = Math.floor(head / ((heads as number) / (kvHeads as number)));
  const oldest = window ? Math.max(0, token - (window as number) + 1) : 0;
  // Where each key that is seen stands: of the past, then of these tokens.
  const places: [keys: Grid, values: Grid, at: (d: number) => number[]][] = [];
  for (let slot = 0; pastKeys && pastValues && seen && slot < (pastKeys.shape[2] as number); slot++)
    if (read(seen, [batch, token, slot])) places.push([pastKeys, pastValues, (d) => [batch, kvHead, slot, d]]);
  for (let key = oldest; key <= token; key++) places.push([k, v, (d) => [batch, key, kvHead * size + d]]);
  const logits = places.map(
    ([keys, , at]) => total(size, (d) => read(q, [batch, token, head * size + d]) * read(keys, at(d))) * (scale as number),
  );
  const top = Math.max(...logits);
  const parts = logits.map((logit) => Math.exp(logit - top));
  const whole = parts.reduce((sum, part) => sum + part, 0);
  return places.reduce((sum, [, values, at], i) => sum + ((parts[i] as number) / whole) * read(values, at(channel % size)), 0);
};

const RULES: Readonly<Record<string, Rule>> = {
  matmul: (index, inputs) => {
    const [a, b] = pair(inputs);
    const [lead, row, column] = [index.slice(0, -2), index.at(-2) as number, index.at(-1) as number];
    return total(a.shape.at(-1), (k) => read(a, [...lead, row, k]) * read(b, [...lead, k, column]));
  },
  add: elementwise((a, b) => a + b),
  sub: elementwise((a, b) => a - b),
  mul: elementwise((a, b) => a * b),
  div: elementwise((a, b) => a / b),
  exp: elementwise((a) => Math.exp(a)),
  log: elementwise((a) => Math.log(a)),
  sqrt: elementwise((a) => Math.sqrt(a)),
  lessEqual: elementwise((a, b) => (a <= b ? 1 : 0)),
  select: elementwise((condition, a, b) => (condition ? a : b)),
  reduceSum: (index, inputs, attributes) => total(...along(index, first(inputs), attributes)),
  reduceMax: (index, inputs, attributes) => largest(...along(index, first(inputs), attributes)),
  argmax: (index, inputs) => {
    const x = first(inputs);
    const row = Array.from({ length: x.shape.at(-1) ?? 0 }, (_, k) => read(x, [...index, k]));
    return row.indexOf(Math.max(...row));
  },
  constant: (_, __, { value }) => value as number,
  iota: (index, _, { start }) => (index[0] as number) + (start as number),
  reshape: (index, inputs, _, shape) => first(inputs).data[offsetOf(shape, index)] as number,
  transpose: (index, inputs, { order }) => {
    const source: number[] = [];
    (order as readonly number[]).forEach((axis, i) => {
      source[axis] = index[i] as number;
    });
    return read(first(inputs), source);
  },
  slice: (index, inputs, { axis, start }) => {
    const at = positive(axis, index.length);
    return read(first(inputs), index.with(at, (index[at] as number) + (start as number)));
  },
  concat: (index, inputs, { axis }) => {
    const at = positive(axis, index.length);
    let rest = index[at] as number;
    for (const part of inputs) {
      const size = part.shape[at] as number;
      if (rest < size) return read(part, index.with(at, rest));
      rest -= size;
    }
    return Number.NaN;
  },
  pick: (index, inputs) => {
    const [x, indices] = pair(inputs);
    return read(x, [...index, read(indices, index)]);
  },
  scatterAdd: (index, inputs) => {
    const [x, indices, value] = inputs as readonly [Grid, Grid, Grid];
    const [lead, at] = [index.slice(0, -1), index.at(-1)];
    return read(x, index) + (read(indices, lead) === at ? read(value, lead) : 0);
  },
  linear: (index, inputs) => {
    const [x, weight] = pair(inputs);
    const [lead, output] = [index.slice(0, -1), index.at(-1) as number];
    const bias = inputs[2] ? read(inputs[2], [output]) : 0;
    return bias + total(x.shape.at(-1), (k) => read(x, [...lead, k]) * read(weight, [output, k]));
  },
  rmsNorm: (index, inputs, { epsilon }) => {
    const [x, scale] = pair(inputs);
    const [lead, size] = [index.slice(0, -1), x.shape.at(-1) as number];
    const square = total(size, (k) => read(x, [...lead, k]) ** 2) / size;
    return (read(x, index) / Math.sqrt(square + (epsilon as number))) * read(scale, [index.at(-1) as number]);
  },
  rope: ([batch = 0, token = 0, channel = 0], inputs, { heads }) => {
    const [x, cos, sin] = inputs as readonly [Grid, Grid, Grid];
    const size = (x.shape[2] as number) / (heads as number);
    const [start, half] = [channel - (channel % size), size / 2];
    const angle = (channel - start) % half;
    const [a, b] = [read(x, [batch, token, start + angle]), read(x, [batch, token, start + half + angle])];
    const place = cos.shape.length === 3 ? [batch, token, angle] : [token, angle];
    const [c, s] = [read(cos, place), read(sin, place)];
    return channel - start < half ? a * c - b * s : b * c + a * s;
  },
  attention: attend,
  cachedAttention: attend,
  softmax: (index, inputs) => {
    const x = first(inputs);
    const [lead, size] = [index.slice(0, -1), x.shape.at(-1)];
    const top = largest(size, (k) => read(x, [...lead, k]));
    return Math.exp(read(x, index) - top) / total(size, (k) => Math.exp(read(x, [...lead, k]) - top));
  },
  sigmoid: elementwise((a) => 1 / (1 + Math.exp(-a))),
  silu: elementwise((a) => a / (1 + Math.exp(-a))),
  tokenLoss: (index, inputs) => {
    const [logits, target] = pair(inputs);
    const size = logits.shape.at(-1);
    const top = largest(size, (k) => read(logits, [...index, k]));
    const spread = Math.log(total(size, (k) => Math.exp(read(logits, [...index, k]) - top)));
    return top + spread - read(logits, [...index, read(target, index)]);
  },
};

function elementwise(rule: (a: number, b: number, c: number) => number): Rule {
  return (index, inputs) => {
    const [a = 0, b = 0, c = 0] = inputs.map((x) => read(x, index));
    return rule(a, b, c);
  };
}

/** How many elements stand along the reduced axis at an output index, and how to read each. */
function along(index: readonly number[], x: Grid, { axis, keep }: Attributes): [number, (k: number) => number] {
  const at = positive(axis, x.shape.length);
  return [x.shape[at] as number, (k) => read(x, keep ? index.with(at, k) : index.toSpliced(at, 0, k))];
}

/** The element of x at an index of a shape that x broadcasts to. */
function read(x: Grid, index: readonly number[]): number {
  return x.data[offsetOf(x.shape, index.slice(index.length - x.shape.length))] as number;
}

function offsetOf(shape: readonly number[], index: readonly number[]): number {
  return shape.reduce((offset, size, i) => offset * size + (size === 1 ? 0 : (index[i] as number)), 0);
}

function fill(shape: readonly number[], element: (index: readonly number[]) => number): Float64Array {
  const index = shape.map(() => 0);
  return Float64Array.from({ length: sizeOf(shape) }, () => {
    const value = element(index);
    for (let i = shape.length - 1; i >= 0; i--) {
      index[i] = ((index[i] as number) + 1) % (shape[i] as number);
      if (index[i] !== 0) break;
    }
    return value;
  });
}

function total(count: number | undefined, term: (k: number) => number): number {
  let sum = 0;
  for (let k = 0; k < (count ?? 0); k++) sum += term(k);
  return sum;
}

function largest(count: number | undefined, term: (k: number) => number): number {
  let top = -Infinity;
  for (let k = 0; k < (count ?? 0); k++) top = Math.max(top, term(k));
  return top;
}

function positive(axis: unknown, rank: number): number {
  return (axis as number) < 0 ? rank + (axis as number) : (axis as number);
}

function first(inputs: readonly Grid[]): Grid {
  return inputs[0] ?? fail("an op has no input");
}

function pair(inputs: readonly Grid[]): readonly [Grid, Grid] {
  return [first(inputs), inputs[1] ?? fail("an op has one input of two")];
}

function fail(message: string): never {
  throw new TypeError(message);
}
