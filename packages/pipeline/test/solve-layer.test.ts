import { gram, type Linear, type RoleStats, type Select, type Solution, type Solver, type SolverStats } from "@secateur/kit";
import { type F32Tensor, f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { FIRST, failureWith, withNumbers } from "./failing-run.ts";
import { partsOf } from "./run.ts";
import { goldenRecipe } from "./support.ts";

describe("a solver that does not keep its contract", () => {
  type Choose = (from: number, to: number) => Uint8Array;
  type Solve = (layer: Linear, choose: Choose, stats: SolverStats, select: Select) => unknown;
  const solver = (solve: Solve): Solver => ({
    needs: [gram],
    selection: { group: "row", rule: "exact" },
    async solve(layer, stats, select) {
      const { weights } = layer;
      const [rows, cols] = weights.shape as readonly [number, number];
      const choose: Choose = (from, to) => {
        const part = Float32Array.from({ length: rows * (to - from) }, (_, k) => {
          const column = from + (k % (to - from));
          return Math.abs(weights.data[Math.floor(k / (to - from)) * cols + column] ?? 0);
        });
        return select.choose(new Map([...stats.roles.keys()].map((role) => [role, f32([rows, to - from], part)])), from);
      };
      return solve(layer, choose, stats, select) as Solution; // whatever it gives
    },
  });
  const asking = (select: Select, { roles }: SolverStats, of: unknown): unknown =>
    select.choose(new Map([...roles.keys()].map((role) => [role, of as F32Tensor])), 0);
  const zero = (stats: RoleStats): unknown => (stats.get(gram).gram as Float64Array).fill(0, 1, 2);
  const masked = ({ shape, data }: F32Tensor, mask: Uint8Array): F32Tensor =>
    f32(
      shape,
      data.map((weight, k) => (mask[k] === 0 ? 0 : weight)),
    );

  it.each<[what: string, solve: Solve, complaint: string]>([
    [
      "ignores what is chosen",
      ({ weights }, choose) => ({ weights, mask: choose(0, 48).fill(1) }),
      "gave another mask than was chosen (entry 1)",
    ],
    [
      "prunes everything",
      ({ weights }, choose) => {
        const mask = choose(0, 48).fill(0);
        return { weights: masked(weights, mask), mask };
      },
      "gave another mask than was chosen (entry 0)",
    ],
    ["leaves what is pruned", ({ weights }, choose) => ({ weights, mask: choose(0, 48) }), "left a weight that was pruned (entry 1)"],
    ["gives no mask", ({ weights }, choose) => ({ weights: masked(weights, choose(0, 48)) }), "gave a mask of 0 entries instead of 2304"],
    ["gives nothing", (_, choose) => void choose(0, 48), "gave no weights"],
    ["asks for a part twice", (_, choose) => [choose(0, 24), choose(0, 24)], "asked for column 0 after 24 columns"],
    ["asks for a part", ({ weights }, choose) => ({ weights, mask: choose(0, 24) }), "asked for 24 of 48 columns"],
    ["asks for more than there is", (_, choose) => choose(0, 64), "asked for 64 of 48 columns"],
    [
      "asks for half a column",
      (_, __, stats, select) => asking(select, stats, { shape: [48, 0.5], data: new Float32Array(24) }),
      "asked with scores of shape [48,0.5] of role ROLE, wanted [48, columns],",
    ],
    [
      "asks with scores turned round",
      (_, __, stats, select) => asking(select, stats, f32([24, 48])),
      "asked with scores of shape [24,48] of role ROLE, wanted [48, columns],",
    ],
    ["asks without scores", (_, __, stats, select) => asking(select, stats, undefined), "asked without scores of role ROLE"],
    ["asks with what is no map", (_, __, ___, select) => select.choose({} as never, 0), "asked with scores that are no Map"],
    [
      "asks with NaN",
      (_, __, stats, select) => asking(select, stats, f32([48, 48], new Float32Array(2304).fill(Number.NaN))),
      "gave a score of NaN (entry 0)",
    ],
    [
      "makes nothing of a refusal",
      ({ weights }, choose) => {
        try {
          choose(0, 64);
        } catch {
          return { weights, mask: new Uint8Array(2304) };
        }
      },
      "asked for 64 of 48 columns",
    ],
    [
      "gives weights of another shape",
      ({ weights }, choose) => {
        const mask = choose(0, 48);
        return { weights: f32([24, 96], masked(weights, mask).data), mask };
      },
      "gave weights of shape [24, 96] instead of [48, 48]",
    ],
    [
      "gives NaN",
      ({ weights }, choose) => {
        const mask = choose(0, 48);
        return { weights: withNumbers(masked(weights, mask), (w, i) => (i === 7 ? Number.NaN : w)), mask };
      },
      "gave a weight of NaN (entry 7)",
    ],
    [
      "has no number to note",
      ({ weights }, choose) => {
        const mask = choose(0, 48);
        return { weights: masked(weights, mask), mask, notes: { damping: Number.NaN } };
      },
      "gave the note damping NaN, wanted a finite number,",
    ],
    [
      "notes what is no note",
      ({ weights }, choose) => {
        const mask = choose(0, 48);
        return { weights: masked(weights, mask), mask, notes: "all well" };
      },
      "gave all well as notes",
    ],
    [
      "changes the weights",
      ({ weights }, choose) => {
        const mask = choose(0, 48);
        for (const [i, kept] of mask.entries()) if (kept === 0) weights.data[i] = 0;
        return { weights, mask };
      },
      "changed the weights that it was given",
    ],
    [
      "changes the statistics",
      ({ weights }, choose, { mixture }) => [zero(mixture), { weights, mask: choose(0, 48) }][1],
      "changed the statistic gram.gram of MIXTURE that it was given",
    ],
  ])("%s", async (_, solve, complaint) => {
    const parts = await partsOf(goldenRecipe("llama", { scorer: "magnitude" }), 512);
    const repairing = { scorer: parts.scorer, solver: solver(solve) };
    const message = (who: string, role: string, mixture: string): [string, string] => [
      "plugin",
      `${who} ${complaint.replace("ROLE", role).replace("MIXTURE", mixture)} for ${FIRST}`,
    ];
    expect(await failureWith({ scorer: solver(solve) })).toEqual(message("scorer wanda", "general", "the mixture"));
    expect(await failureWith(repairing, { solver: "sparsegpt" })).toEqual(message("solver sparsegpt", "pooled", "role pooled"));
  });

  it("changes a role's own statistics", async () => {
    const spoiling = solver(({ weights }, choose, { roles }) => [zero(roles.get("a") as RoleStats), { weights, mask: choose(0, 48) }][1]);
    expect(await failureWith({ scorer: spoiling })).toEqual([
      "plugin",
      `scorer wanda changed the statistic gram.gram of role a that it was given for ${FIRST}`,
    ]);
  });

  it.each<[what: string, solve: Solve, complaint: string]>([
    ["throws", () => Promise.reject(new Error("singular")), "singular"],
    ["leaves a role out", (_, __, { roles }) => (roles as Map<string, RoleStats>).delete("general"), "this map cannot be changed"],
    [
      "answers itself",
      (_, __, ___, select) => Object.assign(select, { choose: () => new Uint8Array(2304) }),
      "Cannot assign to read only property 'choose' of object '#<Object>'",
    ],
  ])("%s", async (_, solve, what) => {
    expect(await failureWith({ scorer: solver(solve) })).toEqual(["plugin", `scorer wanda failed on ${FIRST}: ${what}`]);
  });

  it("asks for part of a pattern's group", async () => {
    const parts = { scorer: solver((_, choose) => choose(0, 6)) };
    expect(await failureWith(parts, { sparsity: undefined, pattern: { keep: 2, of: 4 } })).toEqual([
      "plugin",
      `scorer wanda asked for 6 columns, wanted groups of 4, for ${FIRST}`,
    ]);
  });
});

it("a solver that reads no data, with a fusion that reads none, has one role to ask for", async () => {
  const telling: Solver = {
    needs: [],
    selection: { group: "row", rule: "exact" },
    solve: (_, { roles }) => Promise.reject(new Error([...roles.keys()].join())),
  };
  expect(await failureWith({ scorer: telling }, { tasks: [], fusion: "general" })).toEqual([
    "plugin",
    `scorer wanda failed on ${FIRST}: pooled`,
  ]);
});
