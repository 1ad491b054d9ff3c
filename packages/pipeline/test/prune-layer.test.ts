import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Fuser, type Scorer, SecateurError } from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type Parts, parseRecipe, partialFolder, planPrune, prune } from "../src/index.ts";
import { partsOf } from "./run.ts";
import { failureOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

const FIRST = "model.layers.0.self_attn.q_proj.weight";

/** What comes of a run with a plugin that does not keep its contract. */
async function failureWith(change: Partial<Parts>): Promise<[string, string]> {
  const recipe = parseRecipe(goldenRecipe("llama", { tasks: [taskA()], fusion: "shared-exclusive" }));
  const parts = { ...(await partsOf(recipe, 512)), ...change };
  const out = join(await newFolder(), "out");
  const plan = await planPrune(recipe, parts, { path: out, force: false });
  try {
    return await failureOf(() => withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" })));
  } finally {
    await plan.close();
    expect([existsSync(out), existsSync(partialFolder(out))]).toEqual([false, true]); // what it had done is kept
  }
}

const scorer = (score: Scorer["score"]): Partial<Parts> => ({ scorer: { needs: [], selection: { group: "row", rule: "exact" }, score } });
const fuser = (fuse: () => unknown): Partial<Parts> => ({ fuser: { needs: [], reads: "all", fuse } as unknown as Fuser });

describe("a plugin that does not keep its contract", () => {
  const needy = (score: Scorer["score"]): Partial<Parts> => scorer(score);
  it.each<[what: string, change: Partial<Parts>, message: string]>([
    [
      "NaN",
      needy(async ({ weights }) =>
        f32(
          weights.shape,
          weights.data.map((w, i) => (i === 50 ? Number.NaN : w)),
        ),
      ),
      `scorer wanda gave a score of NaN (entry 50) for ${FIRST}`,
    ],
    [
      "infinity",
      needy(async ({ weights }) =>
        f32(
          weights.shape,
          weights.data.map(() => Number.POSITIVE_INFINITY),
        ),
      ),
      `scorer wanda gave a score of Infinity (entry 0) for ${FIRST}`,
    ],
    ["another shape", needy(async () => f32([48, 47])), `scorer wanda gave scores of shape [48, 47] instead of [48, 48] for ${FIRST}`],
    [
      "fewer numbers than its shape says",
      needy(async ({ weights }) => ({ dtype: "F32", shape: weights.shape, data: new Float32Array(5) })),
      `scorer wanda gave 5 scores instead of 2304 for ${FIRST}`,
    ],
    ["nothing", needy(async () => undefined as never), `scorer wanda gave no scores for ${FIRST}`],
    ["an exception", needy(() => Promise.reject(new Error("out of luck"))), `scorer wanda failed on ${FIRST}: out of luck`],
    ["an exception that is no error", needy(() => Promise.reject("luck")), `scorer wanda failed on ${FIRST}: luck`],
    [
      "a change of the weights",
      needy(async ({ weights }) => {
        weights.data[9] = 0;
        return f32(weights.shape);
      }),
      `scorer wanda changed the weights that it was given for ${FIRST}`,
    ],
    [
      "a fusion of NaN",
      fuser(() => ({ scores: new Float32Array(48 * 48).fill(Number.NaN) })),
      `fusion shared-exclusive gave a score of NaN (entry 0) for ${FIRST}`,
    ],
    [
      "a fusion of another size",
      fuser(() => ({ scores: new Float32Array(48) })),
      `fusion shared-exclusive gave 48 scores instead of 2304 for ${FIRST}`,
    ],
    ["a fusion of nothing", fuser(() => ({})), `fusion shared-exclusive gave no scores for ${FIRST}`],
    [
      "an exception in a fusion",
      fuser(() => {
        throw new TypeError("x is not a function");
      }),
      `fusion shared-exclusive failed on ${FIRST}: x is not a function`,
    ],
  ])("%s", async (_, change, message) => {
    // With the fuser's need the statistics are collected, so that there are roles to score.
    const parts = await partsOf(goldenRecipe("llama", { tasks: [taskA()] }), 512);
    const whole = change.fuser ? { ...change, scorer: parts.scorer } : change;
    expect(await failureWith(whole)).toEqual(["plugin", message]);
  });

  it("keeps the code of an error that says its own", async () => {
    const change = scorer(() => Promise.reject(new SecateurError("numeric", "no good")));
    expect(await failureWith(change)).toEqual(["numeric", "no good"]);
  });

  it("a scorer that reads what it did not ask for", async () => {
    const { inputNorm } = await import("@secateur/kit");
    const recipe = parseRecipe(goldenRecipe("llama"));
    const parts = {
      ...(await partsOf(recipe, 512)),
      ...scorer(async ({ weights }, stats) => f32(weights.shape, Float32Array.from(stats.get(inputNorm).squares ?? []))),
    };
    const plan = await planPrune(recipe, parts, undefined);
    const out = join(await newFolder(), "out");
    const failure = await failureOf(() => withBackend((backend) => prune(plan, { out, format: parts.format, backend, version: "0.0.0" })));
    await plan.close();
    expect(failure).toEqual(["unsupported", "the statistic inputNorm was not collected: the scorer does not list it among its needs"]);
  });
});
