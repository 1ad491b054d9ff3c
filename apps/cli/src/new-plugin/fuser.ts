import { flagUsage, type Template } from "./template.ts";

/** A fuser: the weighted power mean of the roles' scores. */
export const fuser: Template = {
  prefix: "fuser",
  does: "Fuses the roles' scores by their weighted power mean.",
  dependencies: [],
  usage: flagUsage("--fusion", "--fusion-option", "power=2"),
  files: (name) => ({ "src/index.ts": source(name), "test/index.test.ts": test() }),
};

function source(name: string): string {
  return `import { defineFuser, type FuseInput, type FuserPlugin, numberFromText } from "@secateur/kit";
import { z } from "zod";

/** Options of the fuser \`${name}\`. */
export interface Options {
  readonly power: number;
}

// Options come from a command line as text. A default stands twice, so that the JSON Schemas of what comes in and of what comes out both show it.
const options = z.strictObject({
  power: z
    .preprocess(numberFromText, z.number().positive())
    .prefault(1)
    .default(1)
    .meta({ description: "1 is the weighted mean; the larger, the more the highest of the roles' scores counts" }),
});

const plugin: FuserPlugin<Options> = defineFuser({
  name: "${name}",
  summary: "the weighted power mean of the roles' scores",
  options,
  create: ({ power }) => ({
    needs: [], // a fuser that reads the norms of the input channels asks for inputNorm
    reads: "all",
    fuse: (input) => ({ scores: powerMean(input, power) }),
  }),
});

export default plugin;

/** (Σ w·(S/u)^power)^(1/power) of the roles' scores S (rows, cols), each over its own mean u, times that of the first role: on a common scale, and on the first's. */
export function powerMean({ roles, weights, scores }: FuseInput, power: number): Float32Array {
  const parts = roles.map((role) => {
    const of = scores.get(role) ?? new Float32Array(0); // each role has its scores
    return { of, unit: meanOf(of), weight: weights.get(role) ?? 0 };
  });
  const first = parts[0]?.unit ?? 1;
  return Float32Array.from({ length: parts[0]?.of.length ?? 0 }, (_, k) => {
    const sum = parts.reduce((total, { of, unit, weight }) => total + weight * ((of[k] as number) / unit) ** power, 0);
    return first * sum ** (1 / power);
  });
}

/** 1 where every score is 0. */
function meanOf(scores: Float32Array): number {
  return scores.reduce((sum, score) => sum + score, 0) / scores.length || 1;
}
`;
}

function test(): string {
  return `import { describeFuser } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import plugin from "../src/index.ts";

describeFuser({ describe, it }, plugin);
describeFuser({ describe, it }, plugin, { options: { power: 2 } });
`;
}
