import {
  defineFuser,
  type FuseInput,
  type Fuser,
  type FuserPlugin,
  GENERAL,
  inputNorm,
  outputGradient,
  SecateurError,
} from "@secateur/kit";
import { z } from "zod";
import { poolStats } from "./mixture.ts";
import { booleanOption, numberOption, scaleOptions } from "./options.ts";
import { byWeight, type Factors, geometricMean, largest, meanRank, rootMeanSquare, weightedSum } from "./rules.ts";
import { commonScale, roleUnits, type ScaleOptions } from "./scale.ts";
import { checkInput, fuseSharedExclusive, type SharedExclusiveOptions } from "./shared-exclusive.ts";

/** Options of the rule `mixture`. */
export interface MixtureOptions {
  /** Divide each role's activations by its level first. */
  readonly normalize: boolean;
}

/** Shared channels get the roles' weighted mean, exclusive ones their owners' own score. */
export const sharedExclusiveFuser: FuserPlugin<SharedExclusiveOptions> = defineFuser({
  name: "shared-exclusive",
  summary: "shared channels keep what all roles need on average, exclusive ones what their owners need",
  options: z.strictObject({
    ...scaleOptions,
    boost: numberOption(0, { min: 0 }, "by what part scores are raised on channels that only tasks own"),
    partition: z
      .enum(["inputs", "outputs", "both"])
      .default("inputs")
      .meta({ description: "what parts the weights: norms of inputs, the loss's gradients at outputs, or both" }),
  }),
  create: (options) => ({
    needs: options.partition === "inputs" ? [inputNorm] : [inputNorm, outputGradient],
    reads: "all",
    fuse: (input) => fuseSharedExclusive(input, options),
  }),
});

/** The largest of the roles' scores; their weights do not matter. */
export const maxFuser: FuserPlugin<ScaleOptions> = scoreFuser(
  "max",
  "the largest of the roles' scores; role weights do not matter",
  largest,
);

/** The weighted sum of the roles' scores. */
export const sumFuser: FuserPlugin<ScaleOptions> = scoreFuser("sum", "the weighted sum of the roles' scores", (input, factors) =>
  weightedSum(input, byWeight(input, factors)),
);

/** The weighted geometric mean of the roles' scores. */
export const geometricFuser: FuserPlugin<ScaleOptions> = scoreFuser(
  "geometric",
  "the weighted geometric mean of the roles' scores",
  geometricMean,
);

/** The weighted mean of the roles' ranks within the selection group, which is no larger than the matrix. */
export const rankFuser: FuserPlugin<ScaleOptions> = scoreFuser(
  "rank",
  "the weighted mean of the roles' ranks among the competitors",
  meanRank,
  { reads: "all", compares: "matrix" },
);

/**
 * The scores of the tasks only, on the scale of the first and added by weight when there are several. Activation-free scores differ between roles
 * only by their relation to the others, so that those of a single task alone stay as they are.
 */
export const taskFuser: FuserPlugin<ScaleOptions> = scoreFuser(
  "task",
  "the tasks' scores only, added by weight when there are several",
  tasksOnly,
  { reads: "tasks" },
);

/** The scores of the role `general` only. */
export const generalFuser: FuserPlugin<Readonly<Record<string, never>>> = defineFuser({
  name: "general",
  summary: "the scores of general text only",
  options: z.strictObject({}),
  create: () => ({
    needs: [],
    reads: "general",
    fuse(input) {
      const scores = input.scores.get(GENERAL);
      if (!scores) throw new SecateurError("input", `the rule general wants a role named ${GENERAL}, found: ${input.roles.join(", ")}`);
      return { scores: scores.slice() };
    },
  }),
});

/** One calibration on the data of all roles, mixed by their weights. */
export const mixtureFuser: FuserPlugin<MixtureOptions> = defineFuser({
  name: "mixture",
  summary: "one scoring on the statistics of all roles together, mixed by weight",
  options: z.strictObject({ normalize: booleanOption(false, "divide each role's activations by their typical norm first") }),
  create: ({ normalize }) => ({
    needs: normalize ? [inputNorm] : [],
    reads: "all",
    pool: (stats, weights) => poolStats(stats, weights, normalize),
    fuse(input) {
      const { levels } = input;
      if (!levels) throw new SecateurError("internal", "the rule mixture pools statistics where scores have no level of their own");
      return { scores: rootMeanSquare(input, roleUnits(input, levels)) };
    },
  }),
});

/** Every fusion rule. */
export const fusers: readonly FuserPlugin[] = [
  sharedExclusiveFuser,
  maxFuser,
  mixtureFuser,
  sumFuser,
  geometricFuser,
  rankFuser,
  generalFuser,
  taskFuser,
];

function scoreFuser(
  name: string,
  summary: string,
  rule: (input: FuseInput, factors: Factors) => Float32Array,
  facts: Pick<Fuser, "reads" | "compares"> = { reads: "all" },
): FuserPlugin<ScaleOptions> {
  return defineFuser({
    name,
    summary,
    options: z.strictObject(scaleOptions),
    create: (options: ScaleOptions) => ({
      needs: [inputNorm],
      ...facts,
      fuse(input) {
        checkInput(input);
        const { factors, partition } = commonScale(input, options);
        return { scores: rule(input, factors), partition };
      },
    }),
  });
}

function tasksOnly(input: FuseInput, factors: Factors): Float32Array {
  const tasks = input.roles.filter((role) => role !== GENERAL);
  const [first] = tasks;
  if (first === undefined) throw new SecateurError("input", `the rule task wants a role other than ${GENERAL}, found none`);
  const total = tasks.reduce((sum, role) => sum + (input.weights.get(role) as number), 0);
  // On the scale of the first task, so that a single one's scores stay as they are.
  const unit = input.degree === 0 ? 1 : ((factors.get(first) as Float64Array)[0] as number);
  return weightedSum(
    input,
    new Map(
      tasks.map((role) => [
        role,
        (factors.get(role) as Float64Array).map((f) => (f / unit) * ((input.weights.get(role) as number) / total)),
      ]),
    ),
  );
}
