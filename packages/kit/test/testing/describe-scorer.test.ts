import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import {
  defineScorer,
  gradientRms,
  inputNorm,
  inputRms,
  type OptionSchema,
  outputGradient,
  regionalGradient,
  type Scorer,
  type ScorerPlugin,
} from "../../src/index.ts";
import { describeScorer } from "../../src/testing.ts";

const sound: Scorer = {
  needs: [inputNorm],
  selection: { group: "row", rule: "exact" },
  async score({ weights }, stats) {
    const norms = inputRms(stats);
    return f32(
      weights.shape,
      weights.data.map((w, k) => Math.abs(w) * (norms[k % norms.length] as number)),
    );
  },
};

const noOptions: OptionSchema<object> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => (Object.keys(value as object).length ? { issues: [{ message: "unknown option" }] } : { value: {} }),
  },
  toJSONSchema: () => ({ type: "object", properties: {}, additionalProperties: false }),
};

const anything: OptionSchema<unknown> = { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } };

describeScorer({ describe, it }, plugin(sound));

// |W|·√n, as it says.
const root: Scorer = {
  ...sound,
  degree: 0.5,
  async score({ weights }, stats) {
    const norms = inputRms(stats);
    return f32(
      weights.shape,
      weights.data.map((w, k) => Math.abs(w) * Math.sqrt(norms[k % norms.length] as number)),
    );
  },
};

describeScorer({ describe, it }, plugin(root));

// |W|·n·g, which reads the loss.
const ofTheLoss: Scorer = {
  ...sound,
  needs: [inputNorm, outputGradient],
  selection: { group: "model", rule: "exact", band: 0.2 },
  async score(layer, stats, backend) {
    const gradients = gradientRms(stats);
    const { shape, data } = await sound.score(layer, stats, backend);
    return f32(
      shape,
      data.map((score, k) => score * (gradients[Math.floor((k * gradients.length) / data.length)] as number)),
    );
  },
};

describeScorer({ describe, it }, plugin(ofTheLoss));

// |W|·(n + √(Σ(∂ℓ/∂W)²/N)), two things of the block on scales of their own.
const regional: Scorer = {
  ...sound,
  needs: [inputNorm, regionalGradient],
  async score({ weights: { shape, data } }, stats) {
    const norms = inputRms(stats);
    const { squares, weight } = stats.get(regionalGradient) as { squares: Float64Array; weight: Float64Array };
    const root = (k: number): number => Math.sqrt((squares[k] as number) / (weight[0] as number));
    return f32(
      shape,
      data.map((w, k) => Math.abs(w) * ((norms[k % norms.length] as number) + root(k))),
    );
  },
};

describeScorer({ describe, it }, plugin(regional));

/** A scorer that breaks a law, the law's name or its beginning, and what the law says of it. */
const BROKEN: readonly [what: string, broken: ScorerPlugin, law: string, message: string][] = [
  ["another contract", { ...plugin(sound), contract: 0 }, "has a name", "the contract is 0, wanted 1"],
  [
    "options that change each time",
    { ...plugin(sound), options: counting(noOptions) },
    "fills in its options",
    'options {"count":1} became {"count":2} when they were read a second time',
  ],
  [
    "a turned shape",
    plugin({
      ...sound,
      async score(layer, stats, backend) {
        const { shape, data } = await sound.score(layer, stats, backend);
        const scores = f32([...shape], data);
        (layer.weights.shape as number[]).reverse();
        return scores;
      },
    }),
    "does not change its inputs",
    "the shape of the layer's weights after scoring: number 0 is 16, wanted 6",
  ],
  ["a name with spaces", { ...plugin(sound), name: "My Scorer" }, "has a name", 'the name "My Scorer" is not of the form some-name'],
  ["no summary", { ...plugin(sound), summary: "" }, "has a name", 'the summary "" is not one line of 2 to 120 characters'],
  [
    "open options",
    { ...plugin(sound), options: anything },
    "refuses an option",
    'the unknown option "no-such-option" was taken: the result is {"value":{"no-such-option":1}}',
  ],
  ["options without a JSON Schema", { ...plugin(sound), options: anything }, "describes its options", "the options have no toJSONSchema()"],
  [
    "a wrong shape",
    changed((scores) => scores.subarray(1)),
    "keeps the layer's shape",
    "scores are F32 [95] with 95 numbers, wanted F32 [6, 16]",
  ],
  [
    "an infinite score",
    changed((scores) => scores.with(17, Number.POSITIVE_INFINITY)),
    "keeps the layer's shape",
    "the score of row 1, column 1 is Infinity, wanted a finite number",
  ],
  ["chance", changed((scores) => scores.with(0, Math.random())), "gives the same scores again", "scored twice: number 0 is"],
  [
    "changed weights",
    plugin({
      ...sound,
      score: async ({ weights }, stats, backend) =>
        sound.score({ weights: f32(weights.shape, weights.data.fill(1)) } as never, stats, backend),
    }),
    "does not change its inputs",
    "the layer's weights after scoring: number 0 is 1",
  ],
  [
    "scores that are the weights",
    plugin({ ...sound, score: async ({ weights }) => weights }),
    "does not change its inputs",
    "the layer's weights after scoring: number 0 is 7",
  ],
  ["a favourite row", changed((scores) => scores.with(0, 9)), "permuting the output rows", "rows reversed: number 0 is 9"],
  [
    "squared norms",
    changed((scores) => scores.map((s) => s * s)),
    "is of its degree",
    "activations times -4 should give scores times 4: number 0 is",
  ],
  [
    "a degree that is another one",
    plugin({ ...root, degree: 1 }),
    "is of its degree",
    "activations times -4 should give scores times 4: number 0 is",
  ],
  ["a degree of 0 with needs", plugin({ ...sound, degree: 0 }), "declares its needs", "degree is 0, wanted a finite number above 0"],
  [
    "a degree without needs",
    plugin({ ...sound, needs: [], degree: 1 }),
    "declares its needs",
    "degree is 1, wanted 0, since it has no needs",
  ],
  [
    "a band above 1",
    plugin({ ...sound, selection: { group: "block", rule: "exact", band: 2 } }),
    "declares its needs",
    "selection.band is 2, wanted a number from 0 to 1",
  ],
  [
    "a band within rows",
    plugin({ ...sound, selection: { group: "row", rule: "exact", band: 0.2 } }),
    "declares its needs",
    "selection.band is 0.2, wanted none: the group row is not beyond the matrix",
  ],
  [
    "a band within the matrix",
    plugin({ ...sound, selection: { group: "matrix", rule: "exact", band: 0 } }),
    "declares its needs",
    "selection.band is 0, wanted none: the group matrix is not beyond the matrix",
  ],
  [
    "gradients of the rows in another order",
    ofLoss((scores, gradients) => scores.map((s, k) => (s * (gradients[0] as number)) / (gradients[k % gradients.length] as number))),
    "permuting the output rows",
    "rows reversed: number 0 is",
  ],
  [
    "sums of gradients in place of means",
    ofLoss((scores, _, tokens) => scores.map((s) => s * tokens)),
    "does not depend on the number of tokens",
    "every token given twice: number 0 is",
  ],
  [
    "a loss that has a unit",
    ofLoss((scores, gradients) =>
      scores.map((s, k) => s / (1 + (gradients[Math.floor((k * gradients.length) / scores.length)] as number))),
    ),
    "has a common factor",
    "gradients times 3 should give scores times 1.",
  ],
  [
    "an order that turns with the loss",
    ofLoss((scores, gradients) => scores.map((s) => s * (2 - (gradients[0] as number)))),
    "has a common factor",
    "and was 0.5902814865112305, wanted a factor above 0",
  ],
  [
    "outputs that the loss does not see",
    ofLoss((scores, gradients) => scores.map((s) => s + 0.1 * (gradients[0] as number))),
    "scores an output that the loss does not see zero",
    "the gradient of row 5 is 0, but the score of its column 0 is",
  ],
  [
    "dead channels of weights' gradients kept",
    plugin({
      ...regional,
      needs: [regionalGradient],
      score: async ({ weights }) =>
        f32(
          weights.shape,
          weights.data.map((w) => 1 - w),
        ),
    }),
    "scores a dead input channel lowest",
    "row 0: the dead channel scores",
  ],
  [
    "sums in place of means",
    plugin({
      ...sound,
      score: async ({ weights }, stats) =>
        f32(
          weights.shape,
          weights.data.map((w, k) => Math.abs(w) * Math.sqrt(stats.get(inputNorm).squares?.[k % (weights.shape[1] ?? 1)] ?? 0)),
        ),
    }),
    "does not depend on the number of tokens",
    "every token given twice: number 0 is",
  ],
  [
    "dead channels kept",
    changed((scores) => scores.map((s) => (s === 0 ? 5 : s))),
    "scores a dead input channel lowest",
    "row 0: the dead channel scores 5, another one",
  ],
  [
    "an undeclared need",
    plugin({ ...sound, needs: [] }),
    "keeps the layer's shape",
    "the statistic inputNorm was asked for, but the declared needs are: none",
  ],
  [
    "an unknown need",
    plugin({ ...sound, needs: [{ ...inputNorm, id: "mine" }] }),
    "keeps the layer's shape",
    "this suite cannot make the statistic mine: pass makeStats in its options",
  ],
  [
    "a backend that is not there",
    plugin({ ...sound, score: async ({ weights }, _, backend) => f32(weights.shape, new Float32Array(backend.preferredTokens)) }),
    "keeps the layer's shape",
    'the backend was asked for "preferredTokens", but this suite has none: pass backend in the options of describeScorer',
  ],
];

/** The laws by name, as a suite of this plugin has them. */
function lawsOf(scorer: ScorerPlugin): Map<string, () => void | Promise<void>> {
  const laws = new Map<string, () => void | Promise<void>>();
  describeScorer({ describe: (_name, body) => body(), it: (name, body) => void laws.set(name, body) }, scorer);
  return laws;
}

describe("describeScorer", () => {
  it.each(BROKEN)("catches %s", async (_, broken, law, message) => {
    const laws = lawsOf(broken);
    const [name] = [...laws.keys()].filter((key) => key.startsWith(law));
    await expect((async () => laws.get(name ?? law)?.())()).rejects.toThrow(message);
  });

  it("has no law that none of these breaks", () => {
    const unbroken = [...lawsOf(plugin(sound)).keys()].filter((name) => !BROKEN.some(([, , law]) => name.startsWith(law)));
    expect(unbroken).toEqual([]);
  });
});

/** A schema that gives another value whenever it is asked. */
function counting(schema: OptionSchema<object>): OptionSchema<object> {
  let count = 0;
  return { ...schema, "~standard": { ...schema["~standard"], validate: () => ({ value: { count: ++count } }) } };
}

function plugin(scorer: Scorer): ScorerPlugin {
  return defineScorer({ name: "sound", summary: "a scorer for this test", options: noOptions, create: () => scorer });
}

/** The sound scorer with its scores changed afterwards. */
function changed(change: (scores: Float32Array) => Float32Array): ScorerPlugin {
  return plugin({
    ...sound,
    async score(layer, stats, backend) {
      const { shape, data } = await sound.score(layer, stats, backend);
      const scores = change(data);
      return f32(scores.length === data.length ? shape : [scores.length], scores);
    },
  });
}

/** The scorer of the loss with its scores changed afterwards, by the RMS of the gradients and the number of tokens. */
function ofLoss(change: (scores: Float32Array, gradients: Float64Array, tokens: number) => Float32Array): ScorerPlugin {
  return plugin({
    ...ofTheLoss,
    async score(layer, stats, backend) {
      const { shape, data } = await ofTheLoss.score(layer, stats, backend);
      return f32(shape, change(data, gradientRms(stats), stats.get(outputGradient).weight?.[0] ?? 0));
    },
  });
}
