import { symlinkSync } from "node:fs";
import { join } from "node:path";
import type { DemoResult } from "@secateur/engine";
import { describe, expect, it } from "vitest";
import { run, workFolder } from "./run-cli.ts";

describe("secateur demo", () => {
  /** What the first test has found, which the second is held to. */
  let onKernels: DemoResult | undefined;

  it("shows that a model pruned for its tasks does them better, and leaves a folder that can be opened", async (context) => {
    const folder = workFolder(context);
    const { code, out, err } = await run(folder, "demo", "--json");
    expect([code, err]).toEqual([0, expect.stringContaining("pruning 50 % of the block weights: task-aware")]);
    const result = JSON.parse(out);
    onKernels = result;
    const [dense, general, aware] = result.rows;

    // The model's card has the figures of another implementation: 48.6, and 0.915, 1.000 and 0.775 of 200 rows.
    expect(dense.perplexity / 48.6).toBeCloseTo(1, 1);
    expect(dense.skills).toEqual({ arithmetic: 0.915, lookup: 1, sort: 0.775 });
    for (const row of [general, aware]) expect(row.kept).toBe(dense.kept / 2);
    // Two standard errors of a difference of shares of 200 rows are at most 0.1.
    for (const skill of ["arithmetic", "lookup", "sort"]) expect(aware.skills[skill] - general.skills[skill]).toBeGreaterThan(0.1);
    expect(aware.perplexity).toBeLessThan(1.15 * general.perplexity);

    const inspected = await run(folder, "inspect", result.pruned, "--json");
    expect([inspected.code, JSON.parse(inspected.out).pruned.sparsity.ratio]).toEqual([0, 0.5]);
    const evaluated = await run(folder, "eval", join("demo-output", "task-aware"), "--data", result.data, "--samples", "50", "--json");
    expect(JSON.parse(evaluated.out).metric).toBe("answers");
  });

  it("gives on TensorFlow's library what it gives on ONNX Runtime's kernels", async (context) => {
    const native = process.env.SECATEUR_TEST_TFJS_NODE;
    if (native === undefined) return context.skip("SECATEUR_TEST_TFJS_NODE names no folder that has tfjs-node");
    const folder = workFolder(context);
    symlinkSync(join(native, "node_modules"), join(folder, "node_modules"));
    const flags = ["--backend", "tfjs", "--backend-option", "runtime=node"];
    const there = await run(folder, "demo", "--json", ...flags);
    expect(there).toMatchObject({ code: 0 });
    const [found, wanted] = [(JSON.parse(there.out) as DemoResult).rows, onKernels?.rows ?? []];
    expect(found.map(({ label, kept }) => [label, kept])).toEqual(wanted.map(({ label, kept }) => [label, kept]));
    // Sums in another order differ in the seventh digit, which may move a few places and, seldom, a likeliest token.
    for (const [i, { perplexity, skills }] of found.entries()) {
      const row = wanted[i] as (typeof wanted)[number];
      expect(perplexity / row.perplexity).toBeCloseTo(1, 3);
      for (const [skill, share] of Object.entries(skills)) expect(Math.abs(share - (row.skills[skill] as number))).toBeLessThan(0.03);
    }
  });
});
