import { type Backend, degreeOf, type Linear, type Scorer, type ScorerPlugin, type Selection } from "../contracts.ts";
import { fisher, inputNorm, type RoleStats, regionalGradient } from "../statistics.ts";
import { demand, demandClose, parseOptions, pluginLaws, refusing } from "./plugin-laws.ts";
import { layerOf, type MakeStats, randomSample, reversedRows, type Sample, statsOf, together, withRowsReversed } from "./sample.ts";
import type { TestApi } from "./test-api.ts";

/** What `describeScorer` may need to know beyond the plugin. */
export interface DescribeScorerOptions {
  /** Options for the plugin; its defaults when left out. */
  readonly options?: object;
  /** Makes the statistics that are not kit's own. */
  readonly makeStats?: MakeStats;
  /** Needed only by a scorer that computes with it. */
  readonly backend?: Backend;
  /** How far two scores that should be equal may differ, as a part of the layer's largest; 1e-5 when left out, for single precision. */
  readonly tolerance?: number;
}

/**
 * The laws of a scorer, as tests: scores keep the layer's shape and are finite, depend on nothing but the layer and the declared statistics,
 * follow the output rows, grow with the activations by the declared degree but not with the number of tokens, and are lowest for a dead input channel. Those
 * that read gradients of the model's loss have a common factor of the loss's scale, and are zero for an output that the loss does not see.
 */
export function describeScorer(t: TestApi, plugin: ScorerPlugin, options: DescribeScorerOptions = {}): void {
  const samples = [randomSample(1, 6, 16), randomSample(2, 16, 8), randomSample(3, 1, 4)];
  const tolerance = options.tolerance ?? 1e-5;
  const backend = options.backend ?? refusing<Backend>("the backend", "pass backend in the options of describeScorer");
  const make = async (): Promise<Scorer> => {
    const made = plugin.create(await parseOptions(plugin.options, options.options ?? {}));
    demand("score" in made, `${plugin.name} makes a solver; these are the laws of scorers`);
    return made;
  };
  const scoresOf = async (sample: Sample): Promise<Float32Array> => {
    const scorer = await make();
    return (await scorer.score(layerOf(sample), statsOf(sample, scorer.needs, options.makeStats), backend)).data;
  };

  t.describe(`scorer ${plugin.name}`, () => {
    pluginLaws(t, plugin, "scorer", options.options);

    t.it("declares its needs and what competes with what", async () => {
      const { needs, selection, degree } = await make();
      const { group, band } = selection;
      demand(new Set(needs.map(({ id }) => id)).size === needs.length, `needs repeat: ${needs.map(({ id }) => id).join(", ")}`);
      demand(GROUPS.includes(group), `selection.group is ${group}, wanted one of ${GROUPS.join(", ")}`);
      demand(RULES.includes(selection.rule), `selection.rule is ${selection.rule}, wanted one of ${RULES.join(", ")}`);
      if (band !== undefined) {
        demand(band >= 0 && band <= 1, `selection.band is ${band}, wanted a number from 0 to 1`);
        demand(BEYOND_THE_MATRIX.includes(group), `selection.band is ${band}, wanted none: the group ${group} is not beyond the matrix`);
      }
      const wanted = needs.length > 0 ? "a finite number above 0" : "0, since it has no needs";
      const given = degree ?? degreeOf({ needs });
      demand(needs.length > 0 ? given > 0 && given < Number.POSITIVE_INFINITY : given === 0, `degree is ${degree}, wanted ${wanted}`);
    });

    t.it("keeps the layer's shape, and every score is finite", async () => {
      for (const sample of [...samples, unseen(silence(zeroRow(samples[0] as Sample), 2), 1)]) {
        const scorer = await make();
        const { rows, cols } = sample;
        const scores = await scorer.score(layerOf(sample), statsOf(sample, scorer.needs, options.makeStats), backend);
        const got = `${scores.dtype} [${scores.shape.join(", ")}] with ${scores.data.length} numbers`;
        demand(scores.dtype === "F32" && scores.data.length === rows * cols, `scores are ${got}, wanted F32 [${rows}, ${cols}]`);
        demand(
          scores.shape.length === 2 && scores.shape[0] === rows && scores.shape[1] === cols,
          `scores are ${got}, wanted F32 [${rows}, ${cols}]`,
        );
        const bad = scores.data.findIndex((score) => !Number.isFinite(score));
        demand(bad < 0, `the score of row ${Math.floor(bad / cols)}, column ${bad % cols} is ${scores.data[bad]}, wanted a finite number`);
      }
    });

    t.it("gives the same scores again", async () => {
      for (const sample of samples) demandClose(await scoresOf(sample), await scoresOf(sample), 0, "scored twice");
    });

    t.it("does not change its inputs", async () => {
      const sample = samples[0] as Sample;
      const scorer = await make();
      const layer = layerOf({ ...sample, weights: sample.weights.slice() });
      const stats = statsOf(sample, scorer.needs, options.makeStats);
      const fresh = statsOf(sample, scorer.needs, options.makeStats);
      const { data } = await scorer.score(layer, stats, backend);
      data.fill(7); // the scores may not be a view of the inputs either
      unchanged(layer, sample, stats, fresh, scorer);
    });

    t.it("permuting the output rows permutes the scores", async () => {
      for (const sample of samples) {
        const permuted = await scoresOf(withRowsReversed(sample));
        demandClose(permuted, reversedRows(await scoresOf(sample), sample), tolerance, "rows reversed");
      }
    });

    t.it("is of its degree in the activations", async () => {
      for (const sample of samples) {
        const degree = degreeOf(await make());
        const scaled = await scoresOf({ ...sample, inputs: sample.inputs.map((x) => -4 * x) });
        const wanted = (await scoresOf(sample)).map((score) => score * 4 ** degree);
        demandClose(scaled, wanted, tolerance, `activations times -4 should give scores times ${4 ** degree}`);
      }
    });

    t.it("does not depend on the number of tokens", async () => {
      for (const sample of samples) {
        demandClose(await scoresOf(together([sample, sample])), await scoresOf(sample), tolerance, "every token given twice");
      }
    });

    t.it("scores a dead input channel lowest", async () => {
      if (!(await make()).needs.some(({ id }) => OF_CHANNELS.includes(id))) return; // it does not look at channels
      for (const sample of samples) {
        const dead = sample.cols - 1;
        const scores = await scoresOf(silence(sample, dead));
        for (let i = 0; i < sample.rows; i++) {
          const row = scores.subarray(i * sample.cols, (i + 1) * sample.cols);
          demand(
            row.every((score) => score >= (row[dead] as number)),
            `row ${i}: the dead channel scores ${row[dead]}, another one ${Math.min(...row)}`,
          );
        }
      }
    });

    t.it("has a common factor of the loss's scale", async () => {
      const { needs } = await make();
      // The norm of a block's output is on a scale of its own, which a score may set against another.
      if (!needs.some(({ of }) => of === "gradient") || needs.some(({ of }) => of === "regional")) return;
      for (const sample of samples) {
        const [scores, scaled] = [await scoresOf(sample), await scoresOf({ ...sample, gradients: sample.gradients.map((g) => 3 * g) })];
        const largest = scores.reduce((best, score, k) => (Math.abs(score) > Math.abs(scores[best] as number) ? k : best), 0);
        const factor = (scaled[largest] as number) / (scores[largest] as number);
        demand(
          factor > 0,
          `gradients times 3: number ${largest} is ${scaled[largest]} and was ${scores[largest]}, wanted a factor above 0`,
        );
        const wanted = scores.map((score) => score * factor);
        demandClose(scaled, wanted, tolerance, `gradients times 3 should give scores times ${factor}`);
      }
    });

    t.it("scores an output that the loss does not see zero", async () => {
      if (!(await make()).needs.some(({ of }) => of === "gradient")) return;
      for (const sample of samples) {
        const row = sample.rows - 1;
        const scores = (await scoresOf(unseen(sample, row))).subarray(row * sample.cols);
        const bad = scores.findIndex((score) => score !== 0);
        demand(bad < 0, `the gradient of row ${row} is 0, but the score of its column ${bad} is ${scores[bad]}`);
      }
    });
  });
}

const GROUPS: readonly Selection["group"][] = ["row", "matrix", "block", "model"];
const BEYOND_THE_MATRIX: readonly Selection["group"][] = ["block", "model"];
const RULES: readonly Selection["rule"][] = ["exact", "threshold"];

/** The needs that tell of each input channel how much it is used. */
const OF_CHANNELS: readonly string[] = [inputNorm, fisher, regionalGradient].map(({ id }) => id);

/** The sample with one input channel that is always 0. */
function silence(sample: Sample, channel: number): Sample {
  return { ...sample, inputs: sample.inputs.map((x, i) => (i % sample.cols === channel ? 0 : x)) };
}

/** The sample with one output row at which the gradient is always 0. */
function unseen(sample: Sample, row: number): Sample {
  return { ...sample, gradients: sample.gradients.map((g, i) => (i % sample.rows === row ? 0 : g)) };
}

function zeroRow(sample: Sample): Sample {
  return { ...sample, weights: sample.weights.map((w, i) => (i < sample.cols ? 0 : w)) };
}

function unchanged(layer: Linear, sample: Sample, stats: RoleStats, fresh: RoleStats, scorer: Scorer): void {
  demandClose(layer.weights.shape, [sample.rows, sample.cols], 0, "the shape of the layer's weights after scoring");
  demandClose(layer.weights.data, sample.weights, 0, "the layer's weights after scoring");
  for (const need of scorer.needs) {
    const before = fresh.get(need);
    for (const [name, sums] of Object.entries(stats.get(need))) {
      demandClose(sums, before[name] as Float64Array, 0, `the statistic ${need.id}, ${name}, after scoring`);
    }
  }
}
