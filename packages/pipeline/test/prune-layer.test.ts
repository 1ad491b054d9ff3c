import { existsSync } from "node:fs";
import { join } from "node:path";
import { type Fuser, type Scorer, SecateurError, type Select, type Solution, type Solver } from "@secateur/kit";
import { type F32Tensor, f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type Parts, parseRecipe, partialFolder, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { partsOf } from "./run.ts";
import { failureOf, goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

const FIRST = "model.layers.0.self_attn.q_proj.weight";

/** What comes of a run with a plugin that does not keep its contract. */
async function failureWith(change: Partial<Parts>, rest: Partial<RecipeInput> = {}): Promise<[string, string]> {
  const recipe = parseRecipe(goldenRecipe("llama", { tasks: [taskA()], fusion: "shared-exclusive", ...rest }));
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

describe("a solver that does not keep its contract", () => {
  type Solve = (weights: F32Tensor, choose: (from: number, to: number) => Uint8Array) => unknown;
  const solver = (solve: Solve): Solver => ({
    needs: [],
    selection: { group: "row", rule: "exact" },
    async solve({ weights }, { roles }, select: Select) {
      const [role] = roles.keys() as Iterable<string> as [string];
      const [rows, cols] = weights.shape as readonly [number, number];
      const choose = (from: number, to: number): Uint8Array => {
        const part = Float32Array.from({ length: rows * (to - from) }, (_, k) => {
          const column = from + (k % (to - from));
          return Math.abs(weights.data[Math.floor(k / (to - from)) * cols + column] ?? 0);
        });
        return select.choose(new Map([[role, f32([rows, to - from], part)]]), from);
      };
      return solve(weights, choose) as Solution; // whatever it gives
    },
  });
  const masked = ({ shape, data }: F32Tensor, mask: Uint8Array): F32Tensor =>
    f32(
      shape,
      data.map((weight, k) => (mask[k] === 0 ? 0 : weight)),
    );

  it.each<[what: string, solve: Solve, complaint: string]>([
    [
      "ignores what is chosen",
      (weights, choose) => ({ weights, mask: choose(0, 48).fill(1) }),
      "gave another mask than was chosen (entry 1)",
    ],
    [
      "prunes everything",
      (weights, choose) => {
        const mask = choose(0, 48).fill(0);
        return { weights: masked(weights, mask), mask };
      },
      "gave another mask than was chosen (entry 0)",
    ],
    ["leaves what is pruned", (weights, choose) => ({ weights, mask: choose(0, 48) }), "left a weight that was pruned (entry 1)"],
    ["gives no mask", (weights, choose) => ({ weights: masked(weights, choose(0, 48)) }), "gave a mask of 0 entries instead of 2304"],
    ["gives nothing", (_, choose) => void choose(0, 48), "gave no weights"],
    ["asks for a part twice", (_, choose) => [choose(0, 24), choose(0, 24)], "asked for column 0 after 24 columns"],
    ["asks for a part", (weights, choose) => ({ weights, mask: choose(0, 24) }), "asked for 24 of 48 columns"],
    ["asks for more than there is", (_, choose) => choose(0, 64), "asked for 64 of 48 columns"],
  ])("%s", async (_, solve, complaint) => {
    const parts = await partsOf(goldenRecipe("llama", { scorer: "magnitude" }), 512);
    const repairing = { scorer: parts.scorer, solver: solver(solve) };
    const message = (who: string): [string, string] => ["plugin", `${who} ${complaint} for ${FIRST}`];
    expect(await failureWith({ scorer: solver(solve) })).toEqual(message("scorer wanda"));
    expect(await failureWith(repairing, { solver: "sparsegpt" })).toEqual(message("solver sparsegpt"));
  });
});
