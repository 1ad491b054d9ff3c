import type { Attributes } from "@secateur/graph";
import { allocate, sizeOf } from "@secateur/tensor";
import { around, axisOf, broadcastView, type Elements, type Host, refuse, stepsOf, type View, walkRows } from "./shapes.ts";

/** Computes the elements of an op's output, of the given shape, from its inputs, which the op table has checked. */
export type Kernel = (inputs: readonly Host[], shape: readonly number[], attributes: Attributes) => Elements;

/** The primitives. Sums are kept in double precision and stored in single. */
export const PRIMITIVE_KERNELS: Readonly<Record<string, Kernel>> = {
  matmul: ([a, b], shape) => {
    const [m, n] = [shape.at(-2) as number, shape.at(-1) as number];
    const k = (a as Host).shape.at(-1) as number;
    const lead = shape.slice(0, -2);
    const out = new Float32Array(sizeOf(shape)); // (…, m, n)
    // One matrix is one "row" of a walk over the leading axes.
    const views = [a, b].map((x) => {
      const { steps } = broadcastView((x as Host).shape.slice(0, -2), lead);
      const matrix = sizeOf((x as Host).shape.slice(-2));
      return { start: 0, steps: [...steps.map((step) => step * matrix), 0] };
    });
    walkRows([...lead, m * n], views, (at, [atA, atB]) => {
      multiply(numbersOf(a), atA as number, numbersOf(b), atB as number, out, at, m, k, n);
    });
    return out;
  },
  add: binary((a, b) => a + b),
  sub: binary((a, b) => a - b),
  mul: binary((a, b) => a * b),
  div: binary((a, b) => a / b),
  exp: unary(Math.exp),
  log: unary(Math.log),
  sqrt: unary(Math.sqrt),
  lessEqual: ([a, b], shape) => {
    const out = new Uint8Array(sizeOf(shape));
    pairs(a as Host, b as Host, shape, (at, x, y) => {
      out[at] = x <= y ? 1 : 0;
    });
    return out;
  },
  select: ([condition, a, b], shape) => {
    const [c, x, y] = [condition, a, b] as readonly [Host, Host, Host];
    const out = new Float32Array(sizeOf(shape));
    const views = [c, x, y].map((one) => broadcastView(one.shape, shape));
    const [stepC, stepX, stepY] = views.map(({ steps }) => steps.at(-1) ?? 0) as [number, number, number];
    const length = shape.at(-1) ?? 1;
    walkRows(shape, views, (at, [atC, atX, atY]) => {
      for (let i = 0; i < length; i++) {
        out[at + i] = (
          c.data[(atC as number) + i * stepC] ? x.data[(atX as number) + i * stepX] : y.data[(atY as number) + i * stepY]
        ) as number;
      }
    });
    return out;
  },
  reduceSum: ([x], shape, { axis }) => {
    const { outer, size, inner } = around((x as Host).shape, axisOf(axis, (x as Host).shape.length));
    const from = numbersOf(x); // (outer, size, inner)
    const sums = new Float64Array(inner);
    const out = new Float32Array(sizeOf(shape)); // (outer, inner)
    for (let o = 0; o < outer; o++) {
      sums.fill(0);
      for (let s = 0; s < size; s++) {
        for (let i = 0; i < inner; i++) sums[i] = (sums[i] as number) + (from[(o * size + s) * inner + i] as number);
      }
      out.set(sums, o * inner);
    }
    return out;
  },
  reduceMax: ([x], shape, { axis }) => {
    const { outer, size, inner } = around((x as Host).shape, axisOf(axis, (x as Host).shape.length));
    const from = numbersOf(x); // (outer, size, inner)
    const out = new Float32Array(sizeOf(shape)).fill(Number.NEGATIVE_INFINITY); // (outer, inner)
    for (let o = 0; o < outer; o++) {
      for (let s = 0; s < size; s++) {
        for (let i = 0; i < inner; i++) {
          out[o * inner + i] = Math.max(out[o * inner + i] as number, from[(o * size + s) * inner + i] as number);
        }
      }
    }
    return out;
  },
  argmax: ([x], shape) => {
    const from = numbersOf(x);
    const size = (x as Host).shape.at(-1) as number;
    const out = new Int32Array(sizeOf(shape));
    for (let row = 0; row < out.length; row++) {
      let best = 0;
      for (let i = 1; i < size; i++) if ((from[row * size + i] as number) > (from[row * size + best] as number)) best = i;
      out[row] = best;
    }
    return out;
  },
  constant: (_, __, { value }) => Float32Array.of(value as number),
  iota: (_, [size], { start }) => Int32Array.from({ length: size as number }, (_, i) => i + (start as number)),
  reshape: ([x]) => (x as Host).data.slice(),
  transpose: ([x], shape, { order }) => {
    const steps = stepsOf((x as Host).shape);
    return gather(x as Host, shape, { start: 0, steps: (order as readonly number[]).map((axis) => steps[axis] as number) });
  },
  slice: ([x], shape, { axis, start }) => {
    const steps = stepsOf((x as Host).shape);
    return gather(x as Host, shape, { start: (start as number) * (steps[axisOf(axis, shape.length)] as number), steps });
  },
  concat: (parts, shape, { axis }) => {
    const at = axisOf(axis, shape.length);
    const { outer, size, inner } = around(shape, at);
    const out = allocate((parts[0] as Host).dtype, sizeOf(shape)); // (outer, size, inner)
    let start = 0;
    for (const part of parts) {
      const block = (part.shape[at] as number) * inner;
      for (let o = 0; o < outer; o++) out.set(part.data.subarray(o * block, (o + 1) * block), o * size * inner + start);
      start += block;
    }
    return out;
  },
  pick: ([x, index], shape) => {
    const size = (x as Host).shape.at(-1) as number;
    const out = allocate((x as Host).dtype, sizeOf(shape));
    for (let row = 0; row < out.length; row++) out[row] = (x as Host).data[row * size + indexBelow(index as Host, row, size)] as number;
    return out;
  },
  scatterAdd: ([x, index, value]) => {
    const size = (x as Host).shape.at(-1) as number;
    const out = numbersOf(x).slice();
    for (let row = 0; row * size < out.length; row++) {
      const at = row * size + indexBelow(index as Host, row, size);
      out[at] = (out[at] as number) + (numbersOf(value)[row] as number);
    }
    return out;
  },
};

/** a (m, k) · b (k, n) into out (m, n), each from an offset of its array. */
export function multiply(
  a: Float32Array,
  atA: number,
  b: Float32Array,
  atB: number,
  out: Float32Array,
  at: number,
  m: number,
  k: number,
  n: number,
): void {
  const row = new Float64Array(n);
  for (let i = 0; i < m; i++) {
    row.fill(0);
    for (let l = 0; l < k; l++) {
      const factor = a[atA + i * k + l] as number;
      const start = atB + l * n;
      for (let j = 0; j < n; j++) row[j] = (row[j] as number) + factor * (b[start + j] as number);
    }
    out.set(row, at + i * n);
  }
}

/** A matrix (rows, cols) as (cols, rows). */
export function transposed(x: Float32Array, rows: number, cols: number): Float32Array {
  return gather({ dtype: "F32", shape: [rows, cols], data: x }, [cols, rows], { start: 0, steps: [1, cols] }) as Float32Array;
}

/** An index that a program reads, or SecateurError `backend` when it names no element. */
export function indexBelow(index: Host, at: number, size: number): number {
  const value = index.data[at] as number;
  return value >= 0 && value < size ? value : refuse(`the index ${value} is not below ${size}`);
}

/** The elements of an F32 value. */
export function numbersOf(x: Host | undefined): Float32Array {
  return (x as Host).data as Float32Array;
}

function unary(rule: (x: number) => number): Kernel {
  return ([x]) => numbersOf(x).map(rule);
}

function binary(rule: (a: number, b: number) => number): Kernel {
  return ([a, b], shape) => {
    const out = new Float32Array(sizeOf(shape));
    pairs(a as Host, b as Host, shape, (at, x, y) => {
      out[at] = rule(x, y);
    });
    return out;
  };
}

/** Calls `visit` for each element of two values that broadcast to `shape`. */
function pairs(a: Host, b: Host, shape: readonly number[], visit: (at: number, x: number, y: number) => void): void {
  const views = [a, b].map((x) => broadcastView(x.shape, shape));
  const [stepA, stepB] = views.map(({ steps }) => steps.at(-1) ?? 0) as [number, number];
  const length = shape.at(-1) ?? 1;
  walkRows(shape, views, (at, [atA, atB]) => {
    for (let i = 0; i < length; i++) {
      visit(at + i, a.data[(atA as number) + i * stepA] as number, b.data[(atB as number) + i * stepB] as number);
    }
  });
}

/** The elements of a value in the order that a view reads them. */
function gather(x: Host, shape: readonly number[], view: View): Elements {
  const out = allocate(x.dtype, sizeOf(shape));
  const [step, length] = [view.steps.at(-1) ?? 0, shape.at(-1) ?? 1];
  walkRows(shape, [view], (at, [from]) => {
    for (let i = 0; i < length; i++) out[at + i] = x.data[(from as number) + i * step] as number;
  });
  return out;
}
