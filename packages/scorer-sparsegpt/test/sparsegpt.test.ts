import { createReferenceBackend } from "@secateur/backend-reference";
import { gram, type Linear, type Mask, type RoleStats, SecateurError, type Select } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { f32, seededRandom } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { inverseUpperFactor, type Product, type SparseGptOptions, solveColumns, sparsegpt } from "../src/index.ts";

const random = seededRandom(5);

/** Plain loops. */
const product: Product = async (a, b, { m, k, n, transposeB, into: out = new Float32Array(m * n) }) => {
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) sum += (a[i * k + l] as number) * ((transposeB ? b[j * k + l] : b[l * n + j]) as number);
      out[i * n + j] = sum;
    }
  }
  return out;
};

/** Xᵀ·X and the tokens of random inputs that have something in common, as activations do; channels in `dead` are zero. */
function inputs(tokens: number, cols: number, dead: readonly number[] = []): RoleStats & { readonly gram: Float64Array } {
  const common = Float64Array.from({ length: tokens }, () => random.next() * 2 - 1);
  const x = Float64Array.from({ length: tokens * cols }, (_, i) =>
    dead.includes(i % cols) ? 0 : random.next() * 2 - 1 + (common[Math.floor(i / cols)] as number),
  );
  const sums = new Float64Array(cols * cols);
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i < cols; i++)
      for (let j = 0; j < cols; j++)
        sums[i * cols + j] = (sums[i * cols + j] as number) + (x[t * cols + i] as number) * (x[t * cols + j] as number);
  }
  return { gram: sums, get: () => ({ gram: sums, weight: Float64Array.of(tokens) }) };
}

/** Prunes the lowest half of each row's columns that are asked for, of the first role's scores. */
const lowestHalf: Select = {
  groupColumns: 0,
  choose(scores) {
    const [first] = scores.values();
    const cols = first?.shape[1] ?? 0;
    const data = first?.data ?? new Float32Array(0);
    const mask: Mask = new Uint8Array(data.length).fill(1);
    for (let start = 0; start < data.length; start += cols) {
      const order = Array.from({ length: cols }, (_, j) => j).sort(
        (a, b) => (data[start + a] as number) - (data[start + b] as number) || a - b,
      );
      for (const j of order.slice(0, cols / 2)) mask[start + j] = 0;
    }
    return mask;
  },
};

const layerOf = (rows: number, cols: number): Linear => ({
  name: "layer.weight",
  weights: f32(
    [rows, cols],
    Float32Array.from({ length: rows * cols }, () => random.next() * 2 - 1),
  ),
  axes: ["out", "in"],
  sizes: { out: rows, in: cols },
});

async function solve(layer: Linear, stats: RoleStats, given: Partial<SparseGptOptions> = {}) {
  const solver = sparsegpt.create(await parseOptions(sparsegpt, given));
  if (!("solve" in solver)) throw new Error("sparsegpt is a solver");
  const backend = createReferenceBackend();
  try {
    return await solver.solve(layer, { roles: new Map([["general", stats]]), mixture: stats }, lowestHalf, backend);
  } finally {
    await backend.dispose();
  }
}

/** Σ over rows of (w − ŵ)ᵀ·G·(w − ŵ): the layer's squared error on its inputs. */
function errorOf(layer: Linear, solved: Float32Array, stats: { readonly gram: Float64Array }): number {
  const [rows, cols] = layer.weights.shape as readonly [number, number];
  let total = 0;
  for (let r = 0; r < rows; r++) {
    for (let i = 0; i < cols; i++) {
      const di = (layer.weights.data[r * cols + i] as number) - (solved[r * cols + i] as number);
      for (let j = 0; j < cols; j++)
        total +=
          di * (stats.gram[i * cols + j] as number) * ((layer.weights.data[r * cols + j] as number) - (solved[r * cols + j] as number));
    }
  }
  return total;
}

describe("the factor of the inverse", () => {
  it("is the one that was worked out by hand", async () => {
    const upper = await inverseUpperFactor(Float32Array.of(1.01, 1, 1, 1.01), 2, product);
    for (const [i, value] of [7.08864, -7.01845, 0, 0.995037].entries()) expect(upper?.[i]).toBeCloseTo(value, 4);
  });

  it.each([1, 5, 64, 65, 150, 300])("satisfies UᵀU·H = I for n = %i, upper triangular", async (n) => {
    const { gram: sums } = inputs(2 * n, n);
    const hessian = Float32Array.from(sums, (value, i) => value / (2 * n) + (i % (n + 1) === 0 ? 0.01 : 0));
    const upper = (await inverseUpperFactor(hessian, n, product)) as Float32Array;
    for (let i = 0; i < n; i++) for (let j = 0; j < i; j++) expect(upper[i * n + j]).toBe(0);
    const transposed = Float32Array.from({ length: n * n }, (_, i) => upper[(i % n) * n + Math.floor(i / n)] as number);
    const identity = await product(await product(transposed, upper, { m: n, k: n, n }), hessian, { m: n, k: n, n });
    // Single precision, and a condition number of some hundred.
    for (let i = 0; i < n * n; i++) expect(Math.abs((identity[i] as number) - (i % (n + 1) === 0 ? 1 : 0))).toBeLessThan(2e-3);
  });

  it("is refused for a matrix that is not positive definite", async () => {
    expect(await inverseUpperFactor(Float32Array.of(1, 2, 2, 1), 2, product)).toBeUndefined();
  });
});

describe("the column loop", () => {
  it("does what was worked out by hand: of 1 and 0.5 the first goes, the second makes up for it", async () => {
    const upper = Float32Array.of(7.08864, -7.01845, 0, 0.995037);
    const seen: number[] = [];
    const select: Select = {
      groupColumns: 0,
      choose(scores) {
        seen.push(...(scores.get("general")?.data ?? []));
        return Uint8Array.of(0, 1);
      },
    };
    const diagonals = new Map([["general", Float32Array.of(7.08864, 0.995037)]]);
    const input = {
      weights: Float32Array.of(1, 0.5),
      rows: 1,
      cols: 2,
      upper,
      dead: new Uint8Array(2),
      diagonals,
      select,
      blockColumns: 128,
    };
    const { weights } = await solveColumns(input, product);
    expect(seen[0]).toBeCloseTo(0.14107, 5);
    expect(seen[1]).toBeCloseTo(0.50249, 5);
    expect(weights[0]).toBe(0);
    expect(weights[1]).toBeCloseTo(1.4901, 4);
  });

  it("gives the same whatever the size of its blocks, when the mask does not depend on them", async () => {
    const [layer, stats] = [layerOf(6, 24), inputs(80, 24)];
    const pairs: Select = { groupColumns: 2, choose: (scores) => lowestHalf.choose(scores, 0) };
    const solver = async (blockSize: number) => {
      const backend = createReferenceBackend();
      const made = sparsegpt.create(await parseOptions(sparsegpt, { blockSize }));
      const result =
        "solve" in made ? await made.solve(layer, { roles: new Map([["general", stats]]), mixture: stats }, pairs, backend) : undefined;
      await backend.dispose();
      return result?.weights.data ?? new Float32Array(0);
    };
    const whole = await solver(128);
    for (const size of [2, 5, 8]) for (const [i, value] of (await solver(size)).entries()) expect(value).toBeCloseTo(whole[i] as number, 4);
  });

  it("has a smaller error on its inputs than the same mask without repair, and changes no pruned weight", async () => {
    const [layer, stats] = [layerOf(8, 40), inputs(200, 40)];
    const before = layer.weights.data.slice();
    const { weights, mask } = await solve(layer, stats);
    expect(layer.weights.data).toEqual(before);
    expect(mask.reduce((sum, kept) => sum + kept, 0)).toBe(8 * 20);
    const plain = layer.weights.data.map((value, i) => value * (mask[i] as number));
    expect(weights.data.every((value, i) => mask[i] === 1 || value === 0)).toBe(true);
    expect(errorOf(layer, weights.data, stats)).toBeLessThan(0.9 * errorOf(layer, plain, stats));
  });
});

describe("hard Hessians", () => {
  it("zeroes the weights of channels that were never active, and counts them", async () => {
    const { weights, notes } = await solve(layerOf(2, 4), inputs(30, 4, [0, 1, 3]));
    expect(notes).toEqual({ damping: 0.01, deadChannels: 3 });
    expect([...weights.data].map((value) => value === 0)).toEqual([true, true, false, true, true, true, false, true]);
  });

  it("raises a damping that does not suffice, and says to what", async () => {
    const { notes } = await solve(layerOf(2, 8), inputs(3, 8), { damping: 0 });
    expect(notes?.damping).toBe(0.01);
  });

  it("fails by name where no damping helps, and never goes on with an identity", async () => {
    const broken: RoleStats = { get: () => ({ gram: Float64Array.of(1, 100, 100, 1), weight: Float64Array.of(1) }) };
    const failure = new SecateurError(
      "numeric",
      "the Hessian of layer.weight is not positive definite, even with its damping of 0.01 raised 3 times",
      { where: { tensor: "layer.weight" } },
    );
    await expect(solve(layerOf(1, 2), broken)).rejects.toEqual(failure);
  });

  it("reports a Hessian that is not finite as that, and tries no damping", async () => {
    const broken: RoleStats = { get: () => ({ gram: Float64Array.of(1, 0, Number.NaN, 1), weight: Float64Array.of(1) }) };
    await expect(solve(layerOf(1, 2), broken)).rejects.toThrow("the Hessian of layer.weight has NaN at row 1, column 0");
  });

  it.each(["score", "hessian"] as const)(
    "scores roles of the same data alike, and a channel dead for one role 0 for it, at level %s",
    async (level) => {
      const [general, task] = [inputs(60, 6), inputs(60, 6, [2])];
      const seen = new Map<string, Float32Array>();
      const select: Select = {
        groupColumns: 0,
        choose(scores, first) {
          for (const [role, { data }] of scores) seen.set(role, data);
          return lowestHalf.choose(scores, first);
        },
      };
      const solver = sparsegpt.create(await parseOptions(sparsegpt, { level }));
      if (!("solve" in solver)) throw new Error("sparsegpt is a solver");
      const backend = createReferenceBackend();
      await solver.solve(
        layerOf(1, 6),
        {
          roles: new Map([
            ["general", general],
            ["twin", { ...general }],
            ["task", task],
          ]),
          mixture: general,
        },
        select,
        backend,
      );
      await backend.dispose();
      expect(seen.get("twin")?.map((value, j) => value / (seen.get("general")?.[j] as number))).toEqual(new Float32Array(6).fill(1));
      expect([...(seen.get("task") ?? [])].map((score) => score === 0)).toEqual([false, false, true, false, false, false]);
    },
  );

  it("asks for the Gram matrix", () => {
    const solver = sparsegpt.create({ blockSize: 128, damping: 0.01, exact: true, level: "score" });
    expect([solver.needs, solver.selection]).toEqual([[gram], { group: "matrix", rule: "exact" }]);
  });
});
