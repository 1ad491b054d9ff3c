import { markLowest } from "@secateur/tensor";
import type { Backend, Mask, ScorerPlugin, Select, Solver, SolverStats } from "../contracts.ts";
import { GENERAL, type Role } from "../statistics.ts";
import { demand, demandClose, parseOptions, pluginLaws, refusing } from "./plugin-laws.ts";
import { layerOf, type MakeStats, randomSample, reversedRows, type Sample, statsOf, together, withRowsReversed } from "./sample.ts";
import type { TestApi } from "./test-api.ts";

/** What `describeSolver` may need to know beyond the plugin. */
export interface DescribeSolverOptions {
  /** Options for the plugin; its defaults when left out. */
  readonly options?: object;
  /** Makes the statistics that are not kit's own. */
  readonly makeStats?: MakeStats;
  /** Needed only by a solver that computes with it. */
  readonly backend?: Backend;
  /** How far two weights that should be equal may differ, as a part of the layer's largest; 1e-4 when left out, for products in single precision. */
  readonly tolerance?: number;
}

/**
 * The laws of a solver, as tests: it asks for every column once and in order, prunes what was chosen and nothing else, leaves what it cannot better,
 * and comes closer to the layer's outputs than the mask alone; rows are solved alike, and no role's scale or number of tokens matters.
 */
export function describeSolver(t: TestApi, plugin: ScorerPlugin, options: DescribeSolverOptions = {}): void {
  const problems = [problem(1, 6, 16), problem(2, 5, 24), problem(3, 1, 8)];
  const tolerance = options.tolerance ?? 1e-4;
  const backend = options.backend ?? refusing<Backend>("the backend", "pass backend in the options of describeSolver");
  const make = async (): Promise<Solver> => {
    const made = plugin.create(await parseOptions(plugin.options, options.options ?? {}));
    demand("solve" in made, `${plugin.name} makes a scorer; these are the laws of solvers`);
    return made;
  };
  const solve = async (given: Problem, choice: Choice = {}): Promise<Solved> => {
    const solver = await make();
    const { select, asked, chosen } = recording(given, choice);
    const { weights, mask, notes } = await solver.solve(
      layerOf(given.layer),
      solverStats(given, solver, options.makeStats),
      select,
      backend,
    );
    return { weights: weights.data, shape: weights.shape, mask, asked, chosen, notes: notes ?? {} };
  };

  t.describe(`solver ${plugin.name}`, () => {
    pluginLaws(t, plugin, "scorer", options.options);

    t.it("keeps the layer's shape, and every weight is finite", async () => {
      for (const given of [...problems, silence(zeroRow(problems[0] as Problem), 2)]) {
        const { rows, cols } = given.layer;
        const { weights, shape, notes } = await solve(given);
        const fits = shape.length === 2 && shape[0] === rows && shape[1] === cols && weights.length === rows * cols;
        demand(fits, `weights are [${shape.join(", ")}] with ${weights.length} numbers, wanted [${rows}, ${cols}]`);
        const bad = weights.findIndex((weight) => !Number.isFinite(weight));
        demand(bad < 0, `the weight of ${place(bad, cols)} is ${weights[bad]}, wanted a finite number`);
        const note = Object.entries(notes).find(([, value]) => !Number.isFinite(value));
        demand(note === undefined, `the note ${note?.[0]} is ${note?.[1]}, wanted a finite number`);
      }
    });

    t.it("asks for every column once, in order and in whole groups", async () => {
      for (const given of problems) {
        for (const groupColumns of [0, 4]) {
          const { asked } = await solve(given, { groupColumns });
          let next = 0;
          for (const { firstColumn, columns } of asked) {
            demand(firstColumn === next, `column ${firstColumn} was asked for after ${next} columns`);
            const whole = columns > 0 && columns % (groupColumns || 1) === 0;
            demand(whole, `${columns} columns were asked for at once, wanted whole groups of ${groupColumns || 1}`);
            next += columns;
          }
          demand(next === given.layer.cols, `${next} of ${given.layer.cols} columns were asked for`);
        }
      }
    });

    t.it("prunes what was chosen", async () => {
      for (const given of problems) {
        for (const groupColumns of [0, 4]) {
          const { weights, mask, chosen } = await solve(given, { groupColumns });
          demandClose(mask, chosen, 0, "the mask against what was chosen");
          const left = weights.findIndex((weight, k) => chosen[k] === 0 && weight !== 0);
          demand(left < 0, `the pruned weight of ${place(left, given.layer.cols)} is ${weights[left]}, wanted 0`);
        }
      }
    });

    t.it("leaves the weights as they are when all are kept", async () => {
      for (const given of problems) {
        const { weights } = await solve(given, { keepAll: true });
        demandClose(weights, given.layer.weights, tolerance, "nothing was pruned");
      }
    });

    t.it("comes closer to the layer's outputs than the mask alone", async () => {
      for (const given of problems) {
        const { weights, chosen } = await solve(given);
        const [now, alone] = [errorOf(given, weights), errorOf(given, masked(given, chosen))];
        demand(now <= alone * (1 + tolerance), `the squared error of the outputs is ${now}, but ${alone} without any repair`);
      }
    });

    t.it("gives the same weights again", async () => {
      for (const given of problems) demandClose((await solve(given)).weights, (await solve(given)).weights, 0, "solved twice");
    });

    t.it("does not change its inputs", async () => {
      const solver = await make();
      const given = problems[0] as Problem;
      const layer = layerOf({ ...given.layer, weights: given.layer.weights.slice() });
      const [stats, fresh] = [solverStats(given, solver, options.makeStats), solverStats(given, solver, options.makeStats)];
      const { weights } = await solver.solve(layer, stats, recording(given, {}).select, backend);
      weights.data.fill(7); // the solution may not be a view of the inputs either
      demandClose(layer.weights.data, given.layer.weights, 0, "the layer's weights after solving");
      for (const need of solver.needs) {
        for (const [role, of] of [...stats.roles, ["mixture", stats.mixture] as const]) {
          const before = (role === "mixture" ? fresh.mixture : fresh.roles.get(role))?.get(need);
          for (const [name, sums] of Object.entries(of.get(need))) {
            demandClose(sums, before?.[name] ?? [], 0, `the statistic ${need.id}, ${name}, of ${role} after solving`);
          }
        }
      }
    });

    t.it("permuting the output rows permutes the weights", async () => {
      for (const given of problems) {
        const { layer, mixture } = given;
        const roles = new Map([...given.roles].map(([role, sample]) => [role, withRowsReversed(sample)]));
        const reversed = await solve({ layer: withRowsReversed(layer), roles, mixture: withRowsReversed(mixture) });
        const wanted = await solve(given); // rows are chosen from one by one
        demandClose(reversed.chosen, reversedRows(wanted.chosen, layer), 0, "the mask, rows reversed");
        demandClose(reversed.weights, reversedRows(wanted.weights, layer), tolerance, "rows reversed");
      }
    });

    t.it("does not depend on the scale of a role that is scored, nor on that of all", async () => {
      for (const given of problems) {
        const wanted = await solve(given, { by: TASK });
        const task = scaled(given.roles.get(TASK) as Sample);
        const all = new Map([...given.roles].map(([role, sample]) => [role, scaled(sample)]));
        for (const [law, changed] of [
          ["a role's activations times 8", { ...given, roles: new Map([...given.roles, [TASK, task]]) }],
          ["all activations times 8", { ...given, roles: all, mixture: scaled(given.mixture) }],
        ] as const) {
          const found = await solve(changed, { by: TASK });
          demandClose(found.chosen, wanted.chosen, 0, `the mask, ${law}`);
          demandClose(found.weights, wanted.weights, tolerance, law);
        }
      }
    });

    t.it("does not depend on the number of tokens", async () => {
      for (const given of problems) {
        const roles = new Map([...given.roles].map(([role, sample]) => [role, together([sample, sample])]));
        const found = await solve({ ...given, roles, mixture: together([given.mixture, given.mixture]) });
        demandClose(found.weights, (await solve(given)).weights, tolerance, "every token given twice");
      }
    });

    t.it("leaves the weights of a dead input channel, or sets them to zero", async () => {
      for (const given of problems) {
        const { cols } = given.layer;
        const { weights } = await solve(silence(given, cols - 1), { keepColumn: cols - 1 });
        for (let k = cols - 1; k < weights.length; k += cols) {
          const before = given.layer.weights[k] as number;
          const kept = Math.abs((weights[k] as number) - before) <= tolerance * Math.abs(before);
          demand(weights[k] === 0 || kept, `the weight of ${place(k, cols)}, a dead channel, is ${weights[k]}, wanted 0 or ${before}`);
        }
      }
    });
  });
}

const TASK: Role = "task";

/** A layer and its inputs by role. */
interface Problem {
  readonly layer: Sample;
  readonly roles: ReadonlyMap<Role, Sample>;
  readonly mixture: Sample;
}

interface Choice {
  /** The role whose scores decide; `general` when left out. */
  readonly by?: Role;
  readonly groupColumns?: number;
  readonly keepAll?: boolean;
  /** A column that is kept whatever it scores. */
  readonly keepColumn?: number;
}

interface Solved {
  readonly weights: Float32Array;
  readonly shape: readonly number[];
  readonly mask: Mask;
  readonly asked: readonly { readonly firstColumn: number; readonly columns: number }[];
  /** What `select` chose, as a mask of the layer. */
  readonly chosen: Mask;
  readonly notes: Readonly<Record<string, number>>;
}

/** A layer of two roles whose channels have something in common, as those of activations do. */
function problem(seed: number, rows: number, cols: number): Problem {
  const general = related(randomSample(seed, rows, cols));
  const task = { ...related(randomSample(seed + 10, rows, cols)), weights: general.weights };
  return {
    layer: general,
    roles: new Map([
      [GENERAL, general],
      [TASK, task],
    ]),
    mixture: together([general, task]),
  };
}

function related(sample: Sample): Sample {
  const { inputs, cols } = sample;
  return { ...sample, inputs: inputs.map((x, i) => x + (inputs[i - (i % cols)] as number)) };
}

function scaled(sample: Sample): Sample {
  return { ...sample, inputs: sample.inputs.map((x) => 8 * x) };
}

function silence(given: Problem, channel: number): Problem {
  const silent = (sample: Sample): Sample => ({ ...sample, inputs: sample.inputs.map((x, i) => (i % sample.cols === channel ? 0 : x)) });
  const roles = new Map([...given.roles].map(([role, sample]) => [role, silent(sample)]));
  return { layer: given.layer, roles, mixture: silent(given.mixture) };
}

function zeroRow(given: Problem): Problem {
  const { weights, cols } = given.layer;
  return { ...given, layer: { ...given.layer, weights: weights.map((w, k) => (k < cols ? 0 : w)) } };
}

function solverStats({ roles, mixture }: Problem, { needs }: Solver, makeStats: MakeStats | undefined): SolverStats {
  return {
    roles: new Map([...roles].map(([role, sample]) => [role, statsOf(sample, needs, makeStats)])),
    mixture: statsOf(mixture, needs, makeStats),
  };
}

/** Chooses the lower half of each row of the columns that are asked for, by one role's scores, and notes what was asked and chosen. */
function recording({ layer: { rows, cols }, roles }: Problem, { by = GENERAL, groupColumns = 0, keepAll = false, keepColumn }: Choice) {
  const asked: { firstColumn: number; columns: number }[] = [];
  const chosen: Mask = new Uint8Array(rows * cols);
  const select: Select = {
    groupColumns,
    choose(scores, firstColumn) {
      const columns = scores.get(by)?.shape[1] ?? 0;
      for (const role of roles.keys()) {
        const { shape = [], data = [] } = scores.get(role) ?? {};
        const fits = shape.length === 2 && shape[0] === rows && shape[1] === columns && data.length === rows * columns;
        demand(fits, `the scores of role ${role} are [${shape.join(", ")}] with ${data.length} numbers, wanted [${rows}, ${columns}]`);
      }
      asked.push({ firstColumn, columns });
      const mask = new Uint8Array(rows * columns).fill(1);
      if (!keepAll) {
        const values = scores.get(by)?.data as Float32Array; // checked above
        const scratch = new Float32Array(columns);
        for (let start = 0; start < mask.length; start += columns) {
          markLowest(values, columns >>> 1, mask, scratch, start, start + columns);
        }
      }
      if (keepColumn !== undefined)
        mask.forEach((_, k) => {
          if (firstColumn + (k % columns) === keepColumn) mask[k] = 1;
        });
      for (let k = 0; k < mask.length; k++) chosen[Math.floor(k / columns) * cols + firstColumn + (k % columns)] = mask[k] as number;
      return mask;
    },
  };
  return { select, asked, chosen };
}

function masked({ layer: { weights } }: Problem, mask: Mask): Float32Array {
  return weights.map((w, k) => w * (mask[k] as number));
}

/** ‖X(W − Ŵ)ᵀ‖² on the mixture's tokens, by their weights. */
function errorOf({ layer: { weights, rows, cols }, mixture }: Problem, solved: Float32Array): number {
  const { inputs, tokenWeights } = mixture;
  let total = 0;
  for (let t = 0; t < tokenWeights.length; t++) {
    for (let i = 0; i < rows; i++) {
      let off = 0;
      for (let j = 0; j < cols; j++) {
        off += (inputs[t * cols + j] as number) * ((weights[i * cols + j] as number) - (solved[i * cols + j] as number));
      }
      total += (tokenWeights[t] as number) * off * off;
    }
  }
  return total;
}

function place(k: number, cols: number): string {
  return `row ${Math.floor(k / cols)}, column ${k % cols}`;
}
