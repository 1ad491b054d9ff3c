/** a (m, k) · b (k, n), or · bᵀ for b (n, k): the one operation that the factorisation leaves to a backend. Row-major. */
export type Product = (
  a: Float32Array,
  b: Float32Array,
  sizes: { readonly m: number; readonly k: number; readonly n: number; readonly transposeB?: boolean },
) => Promise<Float32Array>;

// Below this size plain loops in double precision are quicker than a call of the backend.
const BASE = 64;

/**
 * The upper Cholesky factor U (n, n) of the inverse of a symmetric positive definite matrix H (n, n): H⁻¹ = UᵀU, row-major. H with its indices reversed
 * is factored as L·Lᵀ, and U is L⁻¹ reversed, so that no inverse of H is ever formed. Undefined when H is not positive definite.
 */
export async function inverseUpperFactor(matrix: Float32Array, n: number, product: Product): Promise<Float32Array | undefined> {
  const inverse = await inverseLower(reversed(matrix), n, product);
  return inverse && reversed(inverse);
}

/** Both indices of a square matrix reversed: its elements in the opposite order. */
function reversed(matrix: Float32Array): Float32Array {
  return matrix.slice().reverse();
}

/**
 * L⁻¹ of A = L·Lᵀ, by halves: with A = [[A₁, Cᵀ], [C, A₂]], L₂₁ = C·L₁₁⁻ᵀ, the rest is the factor of A₂ − L₂₁·L₂₁ᵀ, and the inverse's corner is
 * −L₂₂⁻¹·L₂₁·L₁₁⁻¹. Nearly all of the work is matrix products.
 */
async function inverseLower(a: Float32Array, n: number, product: Product): Promise<Float32Array | undefined> {
  if (n <= BASE) return inverseLowerDirect(a, n);
  const h = Math.ceil(n / 2);
  const r = n - h;
  const first = await inverseLower(part(a, n, 0, 0, h, h), h, product);
  if (!first) return undefined;
  const l21 = await product(part(a, n, h, 0, r, h), first, { m: r, k: h, n: h, transposeB: true });
  const square = await product(l21, l21, { m: r, k: h, n: r, transposeB: true });
  const schur = part(a, n, h, h, r, r);
  for (let i = 0; i < schur.length; i++) schur[i] = (schur[i] as number) - (square[i] as number);
  const second = await inverseLower(schur, r, product);
  if (!second) return undefined;
  const corner = await product(await product(second, l21, { m: r, k: r, n: h }), first, { m: r, k: h, n: h });
  const inverse = new Float32Array(n * n);
  for (let i = 0; i < h; i++) inverse.set(first.subarray(i * h, (i + 1) * h), i * n);
  for (let i = 0; i < r; i++) {
    for (let j = 0; j < h; j++) inverse[(h + i) * n + j] = -(corner[i * h + j] as number);
    inverse.set(second.subarray(i * r, (i + 1) * r), (h + i) * n + h);
  }
  return inverse;
}

/** As `inverseLower`, in double precision: the pivots decide whether the matrix is positive definite. */
function inverseLowerDirect(a: Float32Array, n: number): Float32Array | undefined {
  const l = Float64Array.from(a); // (n, n): its lower triangle becomes L
  for (let j = 0; j < n; j++) {
    let pivot = l[j * n + j] as number;
    for (let k = 0; k < j; k++) pivot -= (l[j * n + k] as number) ** 2;
    if (!(pivot > 0)) return undefined;
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
  return Float32Array.from(inverse);
}

/** The rows × cols part of a matrix of `width` columns that begins at (top, left). */
export function part(matrix: Float32Array, width: number, top: number, left: number, rows: number, cols: number): Float32Array {
  const out = new Float32Array(rows * cols);
  for (let i = 0; i < rows; i++) out.set(matrix.subarray((top + i) * width + left, (top + i) * width + left + cols), i * cols);
  return out;
}
