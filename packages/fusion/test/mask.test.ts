import { SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maskPattern, maskUnstructured, pruneCount } from "../src/index.ts";

const ROW = { group: "row", rule: "exact" } as const;
const MATRIX = { group: "matrix", rule: "exact" } as const;

const matrices = fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 12 })).chain(([rows, cols]) =>
  fc.record({
    rows: fc.constant(rows),
    cols: fc.constant(cols),
    scores: fc.array(fc.integer({ min: 0, max: 9 }), { minLength: rows * cols, maxLength: rows * cols }).map((n) => Float32Array.from(n)),
    ratio: fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100),
  }),
);

describe("pruneCount", () => {
  it("is ⌊n·s⌋ of the decimal, for every ratio of two and three digits", () => {
    const sizes = [...Array.from({ length: 200 }, (_, n) => n), 576, 1536, 49152, 960 * 960, 4096 * 11008, 10_000_000_019];
    for (const n of sizes) {
      for (let thousandths = 0; thousandths <= 1000; thousandths++) {
        const wanted = Number((BigInt(n) * BigInt(thousandths)) / 1000n);
        if (pruneCount(n, thousandths / 1000) !== wanted)
          expect.fail(`${n} · ${thousandths}/1000 gives ${pruneCount(n, thousandths / 1000)}`);
      }
    }
  });

  it.each([
    [10, 0.7, 7],
    [100, 0.29, 29],
    [10, 1 - 0.9, 1],
    [10, 0.1 + 0.2, 3],
    [10, 0.2999999, 2],
    [1_000_000, 0.299999, 299_999],
    [3, 1, 3],
    [3, 0, 0],
  ])("%d weights at %d: %d", (n, ratio, count) => expect(pruneCount(n, ratio)).toBe(count));

  it.each([-0.1, 1.1, Number.NaN])("refuses the ratio %d", (ratio) => {
    expect(() => pruneCount(4, ratio)).toThrow(new SecateurError("input", `the ratio ${ratio} was given, wanted a number from 0 to 1`));
  });
});

describe("maskUnstructured", () => {
  it("prunes exactly so many of each row, or of the matrix, and none above a kept one", () => {
    fc.assert(
      fc.property(matrices, fc.constantFrom(ROW, MATRIX), ({ rows, cols, scores, ratio }, selection) => {
        const { mask, pruned, ties } = maskUnstructured(scores, rows, cols, ratio, selection);
        const group = selection.group === "row" ? cols : rows * cols;
        expect(pruned).toBe(zeros(mask));
        let tied = 0;
        for (let start = 0; start < scores.length; start += group) {
          const ids = Array.from({ length: group }, (_, i) => start + i);
          const [gone, kept] = [ids.filter((k) => mask[k] === 0), ids.filter((k) => mask[k] === 1)];
          expect(gone.length).toBe(pruneCount(group, ratio));
          const [most, least] = [Math.max(...gone.map((k) => scores[k] as number)), Math.min(...kept.map((k) => scores[k] as number))];
          expect(most).toBeLessThanOrEqual(least);
          if (most === least) {
            const at = (list: number[]): number[] => list.filter((k) => scores[k] === most);
            expect(Math.max(...at(gone))).toBeLessThan(Math.min(...at(kept)));
            tied += at(gone).length;
          }
        }
        expect(ties).toBe(tied);
      }),
      { numRuns: 500 },
    );
  });

  it("prunes exactly a count of the matrix, spread evenly over rows where they are the groups", () => {
    fc.assert(
      fc.property(matrices, fc.constantFrom(ROW, MATRIX), fc.nat(), ({ rows, cols, scores }, selection, draw) => {
        const count = draw % (rows * cols + 1);
        const { mask, pruned } = maskUnstructured(scores, rows, cols, { count }, selection);
        expect([pruned, zeros(mask)]).toEqual([count, count]);
        if (selection.group === "matrix") {
          expect(mask).toEqual(maskUnstructured(scores, 1, rows * cols, { count }, ROW).mask);
          return;
        }
        for (let i = 0; i < rows; i++) {
          const due = Math.floor(((i + 1) * count) / rows) - Math.floor((i * count) / rows);
          const row = (m: Float32Array | Uint8Array): number[] => [...m.subarray(i * cols, (i + 1) * cols)];
          expect(Math.abs(due - count / rows)).toBeLessThan(1);
          expect(row(mask)).toEqual([...maskUnstructured(Float32Array.from(row(scores)), 1, cols, { count: due }, ROW).mask]);
        }
      }),
      { numRuns: 500 },
    );
  });

  it.each([ROW, MATRIX])("takes a count for the ratio that it comes from, for %j", (selection) => {
    const scores = Float32Array.from({ length: 40 }, (_, k) => (k * 17) % 11);
    for (const rule of ["exact", "threshold"] as const) {
      for (let count = 0; count <= 40; count += 4) {
        expect(maskUnstructured(scores, 4, 10, { count }, { ...selection, rule })).toEqual(
          maskUnstructured(scores, 4, 10, count / 40, { ...selection, rule }),
        );
      }
    }
  });

  it("prunes by the threshold at each row's share of a count", () => {
    const scores = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 8, 8);
    const { mask, pruned } = maskUnstructured(scores, 3, 3, { count: 4 }, { group: "row", rule: "threshold" });
    expect([...mask]).toEqual([0, 0, 1, 0, 0, 1, 0, 0, 0]); // at positions 1, 1 and 2 of the rows
    expect(pruned).toBe(7);
  });

  it.each([-1, 7, 1.5, Number.NaN])("refuses the count %d of six weights", (count) => {
    for (const selection of [ROW, MATRIX]) {
      expect(() => maskUnstructured(new Float32Array(6), 2, 3, { count }, selection)).toThrow(
        new SecateurError("input", `${count} weights are to be pruned, wanted a whole number from 0 to 6`),
      );
    }
  });

  it("follows a permutation of the rows", () => {
    fc.assert(
      fc.property(matrices, ({ rows, cols, scores, ratio }) => {
        const reverse = <T extends Float32Array | Uint8Array>(m: T): T =>
          m.slice().map((_, k) => m[(rows - 1 - Math.floor(k / cols)) * cols + (k % cols)] as number) as T;
        expect(maskUnstructured(reverse(scores), rows, cols, ratio, ROW).mask).toEqual(
          reverse(maskUnstructured(scores, rows, cols, ratio, ROW).mask),
        );
      }),
    );
  });

  it("takes the weight of a dead channel, however large", () => {
    const scores = Float32Array.from([5, 1, 2, 3].map((w, j) => w * ([0, 1, 1, 1][j] as number)));
    expect([...maskUnstructured(scores, 1, 4, 0.25, ROW).mask]).toEqual([0, 1, 1, 1]);
  });

  it("prunes all that is not above the threshold where the rule says so", () => {
    fc.assert(
      fc.property(matrices, fc.constantFrom("row" as const, "matrix" as const), ({ rows, cols, scores, ratio }, group) => {
        const size = group === "row" ? cols : rows * cols;
        const { mask, pruned, ties } = maskUnstructured(scores, rows, cols, ratio, { group, rule: "threshold" });
        const wanted = [...scores.keys()].map((k) => {
          const start = k - (k % size);
          const sorted = scores.slice(start, start + size).sort();
          return (scores[k] as number) <= (sorted[Math.min(pruneCount(size, ratio), size - 1)] as number) ? 0 : 1;
        });
        expect([...mask]).toEqual(wanted);
        expect([pruned, ties]).toEqual([wanted.filter((kept) => kept === 0).length, 0]);
      }),
    );
  });

  it("prunes the first of equal scores, dead or zero already", () => {
    expect([...maskUnstructured(Float32Array.of(0, 4, 0, 3), 1, 4, 0.25, ROW).mask]).toEqual([0, 1, 1, 1]);
  });

  it.each(["block", "model"] as const)("leaves the group %s to others", (group) => {
    expect(() => maskUnstructured(new Float32Array(4), 2, 2, 0.5, { group, rule: "exact" })).toThrow(
      new SecateurError(
        "unsupported",
        `weights compete within each ${group}, but one matrix alone is to be masked by a ratio: wanted row or matrix, or a count`,
      ),
    );
    // What a matrix has to prune is known then, and the matrix is what is left of its group.
    const scores = Float32Array.of(4, 1, 3, 2);
    expect([...maskUnstructured(scores, 2, 2, { count: 3 }, { group, rule: "exact" }).mask]).toEqual([1, 0, 0, 0]);
  });

  it("prunes exactly so many of each row", () => {
    const scores = Float32Array.of(4, 1, 3, 2, 6, 5);
    expect([...maskUnstructured(scores, 2, 3, { rows: [0, 2] }, MATRIX).mask]).toEqual([1, 1, 1, 0, 1, 0]);
    for (const [rows, message] of [
      [[1], "counts of 1 rows are to be pruned, wanted whole numbers from 0 to 3 for 2 rows"],
      [[1, 4], "4 weights of row 1 are to be pruned, wanted whole numbers from 0 to 3 for 2 rows"],
    ] as const) {
      expect(() => maskUnstructured(scores, 2, 3, { rows }, ROW)).toThrow(new SecateurError("input", message));
    }
  });

  it.each([0, 0.5, 1])("refuses NaN where %d is pruned, and sizes that do not fit", (ratio) => {
    const scores = Float32Array.of(1, 2, 3, Number.NaN);
    for (const rule of ["exact", "threshold"] as const) {
      expect(() => maskUnstructured(scores, 2, 2, ratio, { group: "row", rule })).toThrow(
        new SecateurError("numeric", "the score at row 1, column 1 is not a number"),
      );
    }
    expect(() => maskUnstructured(scores, 2, 3, 0, ROW)).toThrow(
      new SecateurError("internal", "4 scores were given for a matrix of 2 × 3"),
    );
  });
});

describe("maskPattern", () => {
  it("keeps the highest of each group, pruning equal ones by lower index first", () => {
    fc.assert(
      fc.property(
        fc.constantFrom({ keep: 2, of: 4 }, { keep: 4, of: 8 }, { keep: 1, of: 4 }, { keep: 3, of: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.integer({ min: 1, max: 3 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 5 })),
        (pattern, rows, groups, stream) => {
          const cols = groups * pattern.of;
          const scores = Float32Array.from({ length: rows * cols }, () => stream.next().value);
          const { mask, pruned } = maskPattern(scores, rows, cols, pattern);
          for (let start = 0; start < scores.length; start += pattern.of) {
            const ids = Array.from({ length: pattern.of }, (_, i) => start + i);
            const order = ids.toSorted((a, b) => (scores[a] as number) - (scores[b] as number) || a - b);
            expect(order.map((k) => mask[k])).toEqual(order.map((_, rank) => (rank < pattern.of - pattern.keep ? 0 : 1)));
          }
          expect(pruned).toBe(zeros(mask));
        },
      ),
    );
  });

  it.each([1, 2, 4, 8])("refuses NaN in groups of %d", (of) => {
    const scores = new Float32Array(16);
    scores[13] = Number.NaN;
    for (const keep of [1, of]) {
      expect(() => maskPattern(scores, 2, 8, { keep, of })).toThrow(
        new SecateurError("numeric", "the score at row 1, column 5 is not a number"),
      );
    }
  });

  it("counts the ties that the index decided", () => {
    expect(maskPattern(Float32Array.of(1, 1, 1, 2, 0, 0, 3, 3), 1, 8, { keep: 2, of: 4 }).ties).toBe(2);
  });

  it.each([
    [4, { keep: 2, of: 3 }, "the pattern 2:3 wants a multiple of 3 inputs, but there are 4"],
    [4, { keep: 0, of: 4 }, "the pattern 0:4 was given, wanted keep:of with whole numbers and 0 < keep ≤ of"],
    [4, { keep: 5, of: 4 }, "the pattern 5:4 was given, wanted keep:of with whole numbers and 0 < keep ≤ of"],
    [4, { keep: 1.5, of: 4 }, "the pattern 1.5:4 was given, wanted keep:of with whole numbers and 0 < keep ≤ of"],
  ])("refuses %d columns with %j", (cols, pattern, message) => {
    expect(() => maskPattern(new Float32Array(cols), 1, cols, pattern)).toThrow(new SecateurError("input", message));
  });
});

function zeros(mask: Uint8Array): number {
  return mask.filter((kept) => kept === 0).length;
}
