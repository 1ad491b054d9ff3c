/** a (m, k) · b (k, n), or · bᵀ for b (n, k): the one operation that the factorisation leaves to a backend. Row-major; written to `into` (m·n) when it is given. */
export type Product = (
  a: Float32Array,
  b: Float32Array,
  sizes: { readonly m: number; readonly k: number; readonly n: number; readonly transposeB?: boolean; readonly into?: Float32Array },
) => Promise<Float32Array>;

// Below this size plain loops in double precision are quicker than a call of the backend.
const BASE = 64;

/**
 * The upper Cholesky factor U (n, n) of the inverse of a symmetric positive definite matrix H (n, n): H⁻¹ = UᵀU, row-major. H with its indices reversed
 * is factored as L·Lᵀ, and U is L⁻¹ reversed, so that no inverse of H is ever formed. Undefined when H is not positive definite.
 */
export async function inverseUpperFactor(matrix: Float32Array, n: number, product: Product): Promise<Float32Array | undefined> {
  const upper = new Float32Array(n * n);
  const done = await inverseLower(matrix.slice().reverse(), n, upper, createStack(), product); // both indices reversed: the elements in the opposite order
  return done ? upper.reverse() : undefined;
}

/**
 * Writes L⁻¹ of A = L·Lᵀ to `inverse` (n, n), by halves: with A = [[A₁, Cᵀ], [C, A₂]], L₂₁ = C·L₁₁⁻ᵀ, the rest is the factor of A₂ − L₂₁·L₂₁ᵀ, and the inverse's
 * corner is −L₂₂⁻¹·L₂₁·L₁₁⁻¹. Nearly all of the work is matrix products. False when A is not positive definite.
 */
async function inverseLower(a: Float32Array, n: number, inverse: Float32Array, stack: Stack, product: Product): Promise<boolean> {
  if (n <= BASE) return inverseLowerDirect(a, n, inverse);
  const h = Math.ceil(n / 2);
  const r = n - h;
  const before = stack.height();
  const [first, second, half, l21] = [h * h, r * r, h * h, r * h].map((size) => stack.take(size)) as [
    Float32Array,
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  if (!(await inverseLower(part(a, n, 0, 0, h, h, half), h, first, stack, product))) return false;
  const spare = stack.take(r * h);
  await product(part(a, n, h, 0, r, h, spare), first, { m: r, k: h, n: h, transposeB: true, into: l21 });
  const schur = part(a, n, h, h, r, r, half.subarray(0, r * r));
  const square = await product(l21, l21, { m: r, k: h, n: r, transposeB: true, into: spare.subarray(0, r * r) });
  for (let i = 0; i < schur.length; i++) schur[i] = (schur[i] as number) - (square[i] as number);
  if (!(await inverseLower(schur, r, second, stack, product))) return false;
  const left = await product(second, l21, { m: r, k: r, n: h, into: spare });
  const corner = await product(left, first, { m: r, k: h, n: h, into: l21 });
  for (let i = 0; i < h; i++) {
    inverse.set(first.subarray(i * h, (i + 1) * h), i * n);
    inverse.fill(0, i * n + h, (i + 1) * n);
  }
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < h; j++) inverse[(h + i) * n + j] = -(corner[i * h + j] as number);
    inverse.set(second.subarray(i * r, (i + 1) * r), (h + i) * n + h);
  }
  stack.fall(before);
  return true;
}

/** Memory that is given and taken back in the opposite order: each matrix of each size would else be asked of the system anew. */
interface Stack {
  /** So many numbers, of any values. */
  take(size: number): Float32Array;
  height(): number;
  /** Takes back what was given since the stack was so high. */
  fall(height: number): void;
}

function createStack(): Stack {
  const given: Float32Array[] = [];
  let height = 0;
  return {
    take(size) {
      const known = given[height];
      const memory = known && known.length >= size ? known : new Float32Array(size);
      given[height++] = memory;
      return memory.subarray(0, size);
    },
    height: () => height,
    fall(to) {
      height = to;
    },
  };
}

/** As `inverseLower`, in double precision: the pivots decide whether the matrix is positive definite. */
function inverseLowerDirect(a: Float32Array, n: number, result: Float32Array): boolean {
  const l = Float64Array.from(a); // (n, n): its lower triangle becomes L
  for (let j = 0; j < n; j++) {
    let pivot = l[j * n + j] as number;
    for (let k = 0; k < j; k++) pivot -= (l[j * n + k] as number) ** 2;
    if (!(pivot > 0)) return false;
    const root = Math.sqrt(pivot);
    l[j * n + j] = root;
    for (let i = j + 1; i < n; i++) {
      let sum = l[i * n + j] as number;
      for (let k = 0; k < j; k++) sum -= (l[i * n + k] as number) * (l[j * n + k] as number);
      l[i * n + j] = sum / root;
    }
  }
  const inverse = new Float64Array(n * n);
  for (let j = 0; j < n; j++) {
    inverse[j * n + j] = 1 / (l[j * n + j] as number);
    for (let i = j + 1; i < n; i++) {
      let sum = 0;
      for (let k = j; k < i; k++) sum -= (l[i * n + k] as number) * (inverse[k * n + j] as number);
      inverse[i * n + j] = sum / (l[i * n + i] as number);
    }
  }
  result.set(inverse);
  return true;
}

/** The rows × cols part of a matrix of `width` columns that begins at (top, left), in new memory or in `out`. */
export function part(
  matrix: Float32Array,
  width: number,
  top: number,
  left: number,
  rows: number,
  cols: number,
  out: Float32Array = new Float32Array(rows * cols),
): Float32Array {
  for (let i = 0; i < rows; i++) out.set(matrix.subarray((top + i) * width + left, (top + i) * width + left + cols), i * cols);
  return out;
}
