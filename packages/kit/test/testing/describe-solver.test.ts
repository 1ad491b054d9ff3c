import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { defineScorer, gram, type OptionSchema, type RoleStats, type ScorerPlugin, type Solution, type Solver } from "../../src/index.ts";
import { describeSolver } from "../../src/testing.ts";

const noOptions: OptionSchema<object> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => (Object.keys(value as object).length ? { issues: [{ message: "unknown option" }] } : { value: {} }),
  },
  toJSONSchema: () => ({ type: "object", properties: {}, additionalProperties: false }),
};

// Scores |W|·n, in groups, and lets each weight that stays make up for the others of its row, one after another.
const sound: Solver = {
  needs: [gram],
  selection: { group: "row", rule: "exact" },
  async solve({ weights: { shape, data } }, stats, select) {
    const [rows, cols] = shape as readonly [number, number];
    const mask = new Uint8Array(rows * cols);
    const width = select.groupColumns || cols;
    for (let first = 0; first < cols; first += width) {
      const scores = new Map([...stats.roles].map(([role, of]) => [role, scored(data, rows, cols, first, width, of)]));
      const chosen = select.choose(scores, first);
      for (let i = 0; i < rows; i++) mask.set(chosen.subarray(i * width, (i + 1) * width), i * cols + first);
    }
    return { weights: f32(shape, repaired(data, mask, cols, stats.mixture)), mask };
  },
};

describeSolver({ describe, it }, plugin(sound));

describe("describeSolver", () => {
  it.each<[string, ScorerPlugin, string, string]>([
    [
      "a scorer",
      defineScorer({
        ...plugin(sound),
        create: () => ({ needs: [], selection: sound.selection, score: async ({ weights }) => weights }),
      }),
      "keeps the layer's shape",
      "sound makes a scorer; these are the laws of solvers",
    ],
    ["a name with spaces", { ...plugin(sound), name: "My Solver" }, "has a name", 'the name "My Solver" is not of the form some-name'],
    [
      "a wrong shape",
      changed(({ weights, mask }) => ({ weights: f32([1, weights.data.length], weights.data), mask })),
      "keeps the layer's shape",
      "weights are [1, 96] with 96 numbers, wanted [6, 16]",
    ],
    [
      "an infinite weight",
      changed(({ weights, mask }) => ({ weights: f32(weights.shape, weights.data.with(17, Number.POSITIVE_INFINITY)), mask })),
      "keeps the layer's shape",
      "the weight of row 1, column 1 is Infinity, wanted a finite number",
    ],
    [
      "a note that is no number",
      changed((solution) => ({ ...solution, notes: { damping: Number.NaN } })),
      "keeps the layer's shape",
      "the note damping is NaN, wanted a finite number",
    ],
    ["columns left out", asking((cols) => [[0, cols / 2]]), "asks for every column once", "8 of 16 columns were asked for"],
    [
      "columns twice",
      asking((cols) => [
        [0, cols],
        [0, cols],
      ]),
      "asks for every column once",
      "column 0 was asked for after 16 columns",
    ],
    [
      "columns out of order",
      asking((cols) => [
        [cols / 2, cols / 2],
        [0, cols / 2],
      ]),
      "asks for every column once",
      "column 8 was asked for after 0 columns",
    ],
    [
      "parts of groups",
      asking((cols) => [
        [0, 2],
        [2, cols - 2],
      ]),
      "asks for every column once",
      "2 columns were asked for at once, wanted whole groups of 4",
    ],
    [
      "a role without scores",
      plugin({
        ...sound,
        solve: (layer, stats, { groupColumns, choose }, backend) =>
          sound.solve(layer, stats, { groupColumns, choose: (scores, first) => choose(new Map([...scores].slice(0, 1)), first) }, backend),
      }),
      "asks for every column once",
      "the scores of role task are [] with 0 numbers, wanted [6, 16]",
    ],
    [
      "a mask of its own",
      changed(({ weights, mask }) => ({ weights, mask: mask.map((kept) => 1 - kept) })),
      "prunes what was chosen",
      "the mask against what was chosen: number 0 is",
    ],
    [
      "pruned weights that live on",
      changed(({ weights, mask }) => ({
        weights: f32(
          weights.shape,
          weights.data.map((w) => w || 0.5),
        ),
        mask,
      })),
      "prunes what was chosen",
      "is 0.5, wanted 0",
    ],
    ["weights that shrink", changed(times(0.9)), "leaves the weights as they are", "nothing was pruned: number 0 is"],
    ["a repair that harms", changed(times(3)), "comes closer", "without any repair"],
    ["chance", changed((solution) => times(1 + Math.random())(solution)), "gives the same weights again", "solved twice: number"],
    [
      "changed weights",
      plugin({
        ...sound,
        async solve(layer, stats, select, backend) {
          const solution = await sound.solve(layer, stats, select, backend);
          layer.weights.data.fill(1);
          return solution;
        },
      }),
      "does not change its inputs",
      "the layer's weights after solving: number 0 is 1",
    ],
    [
      "changed statistics",
      plugin({
        ...sound,
        async solve(layer, stats, select, backend) {
          const solution = await sound.solve(layer, stats, select, backend);
          stats.mixture.get(gram).gram?.fill(1);
          return solution;
        },
      }),
      "does not change its inputs",
      "the statistic gram, gram, of mixture after solving: number 0 is 1",
    ],
    [
      "weights that are the layer's",
      plugin({
        ...sound,
        async solve(layer, stats, select, backend) {
          const { weights, mask } = await sound.solve(layer, stats, select, backend);
          layer.weights.data.set(weights.data);
          return { weights: layer.weights, mask };
        },
      }),
      "does not change its inputs",
      "the layer's weights after solving: number 0 is 7",
    ],
    [
      "a favourite row",
      changed(({ weights, mask }) => ({
        weights: f32(
          weights.shape,
          weights.data.map((w, k) => (k < 16 ? 2 * w : w)),
        ),
        mask,
      })),
      "permuting the output rows",
      "rows reversed: number",
    ],
    [
      "scores that have a unit",
      scoring((score) => Math.abs(score - 0.1)),
      "does not depend on the scale",
      "the mask, a role's activations times 8: number",
    ],
    [
      "a repair that has a unit",
      plugin({
        ...sound,
        async solve(layer, stats, select, backend) {
          const solution = await sound.solve(layer, stats, select, backend);
          return times(1 / (1 + (stats.mixture.get(gram).gram?.[0] ?? 0)))(solution);
        },
      }),
      "does not depend on the scale",
      "all activations times 8: number",
    ],
    [
      "sums in place of means",
      plugin({
        ...sound,
        async solve(layer, stats, select, backend) {
          const solution = await sound.solve(layer, stats, select, backend);
          return times(1 / (1 + (stats.mixture.get(gram).weight?.[0] ?? 0)))(solution);
        },
      }),
      "does not depend on the number of tokens",
      "every token given twice: number",
    ],
    ["dead channels changed", changed(times(0.5)), "leaves the weights of a dead input channel", "a dead channel, is"],
    [
      "an undeclared need",
      plugin({ ...sound, needs: [] }),
      "keeps the layer's shape",
      "the statistic gram was asked for, but the declared needs are: none",
    ],
    [
      "a backend that is not there",
      plugin({ ...sound, solve: (layer, stats, select, backend) => sound.solve(layer, stats, select, backend.dispose() as never) }),
      "keeps the layer's shape",
      'the backend was asked for "dispose", but this suite has none: pass backend in the options of describeSolver',
    ],
  ])("catches %s", async (_, broken, law, message) => {
    const tests = new Map<string, () => void | Promise<void>>();
    describeSolver({ describe: (_name, body) => body(), it: (name, body) => tests.set(name, body) }, broken);
    const name = [...tests.keys()].find((key) => key.startsWith(law)) as string;
    await expect((async () => tests.get(name)?.())()).rejects.toThrow(message);
  });
});

function plugin(solver: Solver): ScorerPlugin {
  return defineScorer({ name: "sound", summary: "a solver for this test", options: noOptions, create: () => solver });
}

/** The sound solver with its solution changed afterwards. */
function changed(change: (solution: Solution) => Solution): ScorerPlugin {
  return plugin({ ...sound, solve: async (...given) => change(await sound.solve(...given)) });
}

/** A solution with its weights times a factor. */
function times(factor: number): (solution: Solution) => Solution {
  return ({ weights, mask }) => ({
    weights: f32(
      weights.shape,
      weights.data.map((w) => w * factor),
    ),
    mask,
  });
}

/** The sound solver with its scores changed. */
function scoring(change: (score: number) => number): ScorerPlugin {
  return plugin({
    ...sound,
    solve: (layer, stats, { groupColumns, choose }, backend) => {
      const select = {
        groupColumns,
        choose: (scores: Parameters<typeof choose>[0], first: number) =>
          choose(new Map([...scores].map(([role, { shape, data }]) => [role, f32(shape, data.map(change))])), first),
      };
      return sound.solve(layer, stats, select, backend);
    },
  });
}

/** A solver that asks for these columns, and keeps all. */
function asking(parts: (cols: number) => readonly (readonly [first: number, width: number])[]): ScorerPlugin {
  return plugin({
    ...sound,
    async solve({ weights: { shape, data } }, stats, select) {
      const [rows, cols] = shape as readonly [number, number];
      for (const [first, width] of parts(cols)) {
        select.choose(new Map([...stats.roles].map(([role, of]) => [role, scored(data, rows, cols, first, width, of)])), first);
      }
      return { weights: f32(shape, data.slice()), mask: new Uint8Array(rows * cols).fill(1) };
    },
  });
}

/** |W|·n of some columns. */
function scored(weights: Float32Array, rows: number, cols: number, first: number, width: number, stats: RoleStats) {
  const { gram: sums = [], weight } = stats.get(gram);
  return f32(
    [rows, width],
    Float32Array.from({ length: rows * width }, (_, k) => {
      const j = first + (k % width);
      return Math.abs(weights[Math.floor(k / width) * cols + j] as number) * Math.sqrt((sums[j * cols + j] as number) / (weight?.[0] ?? 0));
    }),
  );
}

/** The kept weights of each row, each in turn set to what makes the row's squared error least, several times over. */
function repaired(weights: Float32Array, mask: Uint8Array, cols: number, mixture: RoleStats): Float32Array {
  const sums = mixture.get(gram).gram as Float64Array;
  const solved = Float64Array.from(weights, (w, k) => w * (mask[k] as number));
  for (let sweep = 0; sweep < 5; sweep++) {
    for (let k = 0; k < solved.length; k++) {
      const [row, j] = [k - (k % cols), k % cols];
      const own = sums[j * cols + j] as number;
      if (mask[k] === 0 || own === 0) continue;
      let pull = 0;
      for (let l = 0; l < cols; l++) pull += (sums[j * cols + l] as number) * ((weights[row + l] as number) - (solved[row + l] as number));
      solved[k] = (solved[k] as number) + pull / own;
    }
  }
  return Float32Array.from(solved);
}
