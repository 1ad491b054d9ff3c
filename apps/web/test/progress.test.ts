import { describe, expect, it } from "vitest";
import type { JobEvent } from "../src/api/follow.ts";
import { amountText, NO_PROGRESS, type Progress, progressAfter, shareOf } from "../src/progress.ts";

/** What comes of events, one a second. */
const after = (...events: readonly JobEvent[]): Progress =>
  events.reduce((before, event, i) => progressAfter(before, event, i), NO_PROGRESS);
const tokens = (done: number, block = 0): JobEvent => ({
  type: "progress",
  phase: "calibrate",
  role: "general",
  block,
  blocks: 3,
  done,
  total: 400,
});

describe("progressAfter", () => {
  it("tells what is being done, how fast, and how long it takes", () => {
    const progress = after({ type: "state", state: "running" }, tokens(100), tokens(200));
    expect(progress).toMatchObject({ label: "block 1 of 3: calibrate, general", perSecond: 100, secondsLeft: 2 });
    expect([shareOf(progress), amountText(progress)]).toEqual([0.5, "200 of 400 tokens"]);
    expect(progress.blocks.map(({ state }) => state)).toEqual(["active", "waiting", "waiting"]);
  });

  it("keeps the blocks that are done, with their zeros", () => {
    const block = { type: "block", block: 0, blocks: 3, sparsity: 0.5, resumed: false };
    const progress = after(tokens(100), block, tokens(200, 1));
    expect(progress.blocks).toEqual([{ state: "done", sparsity: 0.5 }, { state: "active" }, { state: "waiting" }]);
    expect(progress.lines).toEqual(["Block 1 of 3: 50.0 % zero"]);
  });

  it("counts no speed from work that was done before", () => {
    const resumed = { type: "block", block: 0, blocks: 3, sparsity: 0.5, resumed: true };
    const progress = after(tokens(0), tokens(300), resumed, tokens(310, 1), tokens(320, 1));
    expect(progress.perSecond).toBe(10);
  });

  it("counts blocks where there is no data", () => {
    const block = (i: number): JobEvent => ({ type: "block", block: i, blocks: 4, sparsity: 0.5, resumed: false });
    expect(after(block(0), block(1))).toMatchObject({ done: 2, total: 4, unit: "blocks", perSecond: 1, secondsLeft: 2 });
  });

  it("follows evaluations and comparisons", () => {
    const share = after({ type: "share", share: 0.25 });
    expect([shareOf(share), amountText(share)]).toEqual([0.25, "25.0 %"]);
    const pruned = after(
      { type: "block", block: 0, blocks: 1, sparsity: 0.5 },
      { type: "measure", variant: "pruned", data: "math", share: 0.5 },
    );
    expect(pruned).toMatchObject({ label: "measuring pruned on math", done: 0.5, total: 1, blocks: [{ state: "done" }] });
    const row = { type: "row", variant: "dense", done: 1, total: 4 };
    const measured = after(tokens(400), row, { type: "measure", variant: "max", data: "math", share: 0.5 });
    expect(measured).toMatchObject({ label: "measuring max on math", done: 1.5, total: 4, unit: "models", blocks: [] });
  });

  it("begins again where a job is taken up again, and keeps what has come about", () => {
    const progress = after({ type: "warning", message: "few rows" }, tokens(100), { type: "state", state: "running" });
    expect(progress).toEqual({ ...NO_PROGRESS, lines: ["Warning: few rows"] });
  });
});
