import { flagUsage, type Template } from "./template.ts";

/** A scorer: Wanda with a power of the norms. */
export const scorer: Template = {
  prefix: "scorer",
  does: "Scores a weight by its absolute value times a power of the norm of its input channel.",
  dependencies: ["@secateur/tensor"],
  usage: flagUsage("--scorer", "--scorer-option", "power=0.5"),
  files: (name) => ({ "src/index.ts": source(name), "test/index.test.ts": test() }),
};

function source(name: string): string {
  return `import { defineScorer, inputNorm, inputRms, numberFromText, type ScorerPlugin } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { z } from "zod";

/** Options of the scorer \`${name}\`. */
export interface Options {
  readonly power: number;
}

// Options come from a command line as text. A default stands twice, so that the JSON Schemas of what comes in and of what comes out both show it.
const options = z.strictObject({
  power: z
    .preprocess(numberFromText, z.number().positive())
    .prefault(1)
    .default(1)
    .meta({ description: "the power of the input channels' norms; 1 is Wanda" }),
});

const plugin: ScorerPlugin<Options> = defineScorer({
  name: "${name}",
  summary: "absolute values of the weights times a power of the norms of their input channels",
  options,
  create: ({ power }) => ({
    needs: [inputNorm],
    selection: { group: "row", rule: "exact" },
    degree: power, // scores grow with this power of the activations
    async score({ weights }, stats) {
      return f32(weights.shape, score(weights.data, inputRms(stats), power));
    },
  }),
});

export default plugin;

/**
 * |W_ij|·n[j]^power of weights (out, in), row-major, and RMS norms (in): higher = keep. Power 1 is Wanda (arXiv 2306.11695, section 3). The weights stay as
 * they are.
 */
export function score(weights: Float32Array, norms: Float64Array, power: number): Float32Array {
  const factors = norms.map((norm) => norm ** power);
  return weights.map((weight, k) => Math.abs(weight) * (factors[k % factors.length] as number));
}
`;
}

function test(): string {
  return `import { describeScorer } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import plugin from "../src/index.ts";

describeScorer({ describe, it }, plugin);
describeScorer({ describe, it }, plugin, { options: { power: 0.5 } });
`;
}
