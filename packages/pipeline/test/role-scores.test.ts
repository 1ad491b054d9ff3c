import { join } from "node:path";
import { addHistograms } from "@secateur/fusion";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Manifest, RecipeInput } from "../src/index.ts";
import { observeRoles } from "../src/role-scores.ts";
import { run } from "./run.ts";
import { goldenRecipe, newFolder, taskA, withBackend } from "./support.ts";

const BY_ROW = { group: "row", rule: "exact" } as const;
const BY_MATRIX = { group: "matrix", rule: "exact" } as const;
const LEVELS = new Map([
  ["general", 1],
  ["math", 2],
]);

function scoresOf(general: readonly number[], math: readonly number[]): ReadonlyMap<string, Float32Array> {
  return new Map([
    ["general", Float32Array.from(general)],
    ["math", Float32Array.from(math)],
  ]);
}

describe("observeRoles", () => {
  it("counts what the roles' scores alone would keep, and the scores on one scale", () => {
    const observer = observeRoles(2, undefined, BY_ROW, LEVELS);
    observer.add(scoresOf([4, 3, 2, 1, 1, 2, 3, 4], [8, 2, 4, 1, 1, 2, 4, 8]), 4, 0.5);
    expect(observer.seen()).toEqual({
      rows: 2,
      overlap: [{ roles: ["general", "math"], both: 3, either: 5, jaccard: 0.6 }],
      histograms: {
        general: { first: 0, counts: [2, 0, 2, 2, 2], rest: 0 },
        math: { first: -2, counts: [2, 0, 2, 0, 2, 0, 2], rest: 0 },
      },
    });
  });

  it.each([
    ["of the matrix, by a count", BY_MATRIX, undefined, { count: 4 }, { both: 2, either: 6 }],
    ["of each row, by counts", BY_ROW, undefined, { rows: [1, 3] }, { both: 2, either: 6 }],
    ["of each group, by a pattern", BY_ROW, { keep: 1, of: 2 }, 0, { both: 1, either: 7 }],
  ])("chooses as the run does: %s", (_, selection, pattern, amount, overlap) => {
    const observer = observeRoles(2, pattern, selection, LEVELS);
    observer.add(scoresOf([8, 7, 6, 5, 4, 3, 2, 1], [8, 2, 4, 7, 1, 3, 5, 6]), 4, amount);
    expect(observer.seen()?.overlap).toMatchObject([overlap]);
  });

  it("sees parts of a layer as the whole, where they are chosen apart", () => {
    const score = fc.float({ min: 0, max: 8, noNaN: true });
    const row = fc.array(score, { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(fc.tuple(row, row), { minLength: 1, maxLength: 70 }), (rows) => {
        const part = (from: number, to: number) =>
          scoresOf(
            rows.flatMap(([general]) => general.slice(from, to)),
            rows.flatMap(([, math]) => math.slice(from, to)),
          );
        const pattern = { keep: 2, of: 4 };
        const [whole, parts] = [observeRoles(rows.length, pattern, BY_ROW, LEVELS), observeRoles(rows.length, pattern, BY_ROW, LEVELS)];
        whole.add(part(0, 8), 8, 0);
        parts.add(part(0, 4), 4, 0);
        parts.add(part(4, 8), 4, 0);
        expect(parts.seen()).toEqual(whole.seen());
      }),
    );
  });

  it("looks at no more than 61 rows, spread over all of them", () => {
    const rows = 4096;
    const observer = observeRoles(rows, undefined, BY_ROW, LEVELS);
    const own = Array.from({ length: rows }, (_, row) => 2 ** (row % 128 < 64 ? 0 : 1));
    observer.add(scoresOf(own, own), 1, 0);
    const seen = observer.seen();
    expect([seen?.rows, seen?.overlap]).toEqual([61, [{ roles: ["general", "math"], both: 61, either: 61, jaccard: 1 }]]);
    // Rows of the lower and of the upper half of heads of 128: neither half is left out.
    const counts = seen?.histograms.general?.counts;
    expect([counts?.length, Math.min(counts?.[0] ?? 0, counts?.[2] ?? 0)]).toEqual([3, 30]);
  });

  it("has seen nothing where no scores of two roles came", () => {
    const observer = observeRoles(1, undefined, BY_ROW, LEVELS);
    expect(observer.seen()).toBeUndefined();
    observer.add(new Map([["general", Float32Array.of(1, 2)]]), 2, 0.5);
    expect(observer.seen()).toBeUndefined();
  });
});

describe("a manifest", () => {
  const manifestOf = async (rest: Partial<RecipeInput>): Promise<Manifest> => {
    const out = join(await newFolder(), "out");
    return withBackend((backend) => run(goldenRecipe("llama", rest), out, backend));
  };

  it.each([
    ["wanda", {}],
    ["sparsegpt", { fusion: "shared-exclusive" }],
    ["wanda", { fusion: "shared-exclusive" }],
    ["wanda-plus", {}],
    ["wanda", { pattern: { keep: 2, of: 4 } }],
    ["fisher", {}],
    ["fisher", { fusion: "mixture" }],
    ["wanda", { tasks: [taskA(), taskA("b")] }],
  ])("tells how the roles' scores by %s overlap, in every layer (%j)", async (scorer, rest) => {
    const manifest = await manifestOf({ scorer, tasks: [taskA()], ...rest });
    const names = manifest.data.map(({ role }) => role);
    expect(manifest.roleScores).toEqual({ rows: 61 });
    for (const { shape, roles, channels } of manifest.tensors) {
      // A solver chooses columns at a time, so that of its layers no channels are told.
      expect(Object.keys(channels?.exclusive ?? {})).toEqual(scorer === "sparsegpt" ? [] : names);
      const rows = Math.min(61, shape[0]);
      expect([roles?.rows, roles?.overlap.length, Object.keys(roles?.histograms ?? {})]).toEqual([
        rows,
        (names.length * (names.length - 1)) / 2,
        names,
      ]);
      for (const histogram of Object.values(roles?.histograms ?? {})) {
        const { counts, rest: none } = addHistograms([histogram]);
        expect(counts.reduce((sum, count) => sum + count, none)).toBe(rows * shape[1]);
      }
      for (const { both, either, jaccard } of roles?.overlap ?? []) {
        expect(both).toBeLessThanOrEqual(either);
        expect(jaccard).toBe(both / either);
      }
    }
  });

  it.each([
    ["no task", {}, "the data of one role alone were read"],
    [
      "a fusion that pools",
      { scorer: "sparsegpt", tasks: [taskA()], fusion: "mixture" },
      "the fusion mixture pools the roles' statistics before anything is scored, so that no role has scores of its own",
    ],
    [
      "scores of the weights alone",
      { scorer: "magnitude", tasks: [taskA()] },
      "the scores of magnitude are of the weights alone, the same for every role",
    ],
    ["no data", { scorer: "magnitude", general: [], fusion: "general" }, "no data was read"],
  ])("says why it tells nothing of that: %s", async (_, rest, absent) => {
    const manifest = await manifestOf(rest);
    expect(manifest.roleScores).toEqual({ absent });
    expect(manifest.tensors.filter(({ roles }) => roles)).toEqual([]);
  });
});
