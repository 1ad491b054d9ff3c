import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { createProgress } from "../../src/render/progress.ts";
import { followPrune } from "../../src/render/prune-events.ts";
import { createRateMeter } from "../../src/render/rate.ts";
import { table } from "../../src/render/table.ts";

/** A stream that remembers what was written to it. */
function memoryStream(tty: { readonly columns: number } | undefined): { stream: NodeJS.WriteStream; text: () => string } {
  const through = new PassThrough();
  let text = "";
  through.on("data", (chunk) => {
    text += chunk;
  });
  // What is used of a terminal's stream beyond a plain one: whether it is one, and how wide.
  const stream = Object.assign(through, { isTTY: tty !== undefined, columns: tty?.columns }) as unknown as NodeJS.WriteStream;
  return { stream, text: () => text };
}

const PLAN = {
  model: "m",
  modelType: "llama",
  blocks: 3,
  parameters: 67_200,
  layers: 21,
  prunable: 60_000,
  pruned: 0.5,
  roles: [{ role: "general", weight: 1, sources: ["c4.jsonl"], sequences: 1, tokens: 100 }],
  flops: 1,
  memoryBytes: 1,
  diskBytes: 1,
  scratchBytes: 0,
  work: 500,
  warnings: [],
};

test("away from a terminal there is a line a block, and in between at most one in five seconds", () => {
  const { stream, text } = memoryStream(undefined);
  let ms = 0;
  const now = (): number => ms;
  const run = followPrune(createProgress(stream, now), now);
  run.follow({ type: "plan", plan: PLAN });
  run.follow({ type: "warning", message: "general: 2 empty rows were skipped" });
  const progress = (done: number): void =>
    run.follow({ type: "progress", phase: "calibrate", block: 0, blocks: 3, role: "general", done, total: 500 });
  for (const [at, done] of [
    [1000, 10],
    [2000, 20],
    [6000, 60],
    [7000, 70],
    [10_900, 100],
  ] as const) {
    ms = at;
    progress(done);
  }
  run.follow({ type: "block", block: 0, blocks: 3, sparsity: 0.5, resumed: false });
  expect(text()).toBe(
    [
      "pruning 50.0 % of 21 layers in 3 blocks of m (67.2 K parameters); general 1 sequence (100 tokens)",
      "warning: general: 2 empty rows were skipped",
      "12.0 %  block 1/3 calibrate general  10 tokens/s  44 s left",
      "block 1 of 3: 50.0 % zero",
      "",
    ].join("\n"),
  );
  expect(run.tokensPerSecond()).toBeCloseTo(90 / 9.9);
});

test("blocks that an earlier run has done do not count as speed", () => {
  const { stream, text } = memoryStream(undefined);
  let ms = 0;
  const run = followPrune(
    createProgress(stream, () => ms),
    () => ms,
  );
  const progress = (block: number, done: number): void =>
    run.follow({ type: "progress", phase: "propagate", block, blocks: 3, role: "general", done, total: 500 });
  run.follow({ type: "plan", plan: PLAN });
  progress(0, 200);
  run.follow({ type: "block", block: 0, blocks: 3, sparsity: 0.5, resumed: true });
  ms = 1000;
  progress(1, 250);
  expect(run.tokensPerSecond()).toBe(50);
  expect(text()).toContain("block 1 of 3: already done\n");
});

test("without data blocks are counted", () => {
  const { stream, text } = memoryStream(undefined);
  let ms = 0;
  const now = (): number => ms;
  const run = followPrune(createProgress(stream, now), now);
  run.follow({ type: "plan", plan: { ...PLAN, roles: [], work: 0 } });
  for (const block of [0, 1]) {
    ms += 10_000;
    run.follow({ type: "block", block, blocks: 3, sparsity: 0.5, resumed: false });
  }
  expect(text()).toContain("66.7 %  block 2/3  0.1 blocks/s  10 s left\n");
  expect(run.tokensPerSecond()).toBeUndefined();
});

test("a terminal gets a bar that leaves nothing behind but the notices", () => {
  const { stream, text } = memoryStream({ columns: 100 });
  const view = createProgress(stream);
  view.update({ label: "block 1/2 calibrate general", done: 50, total: 100, unit: "tokens", perSecond: 10 });
  view.line("block 1 of 2: 50.0 % zero", "milestone");
  view.line("warning: few rows");
  view.stop();
  expect(text()).toContain("50 %  block 1/2 calibrate general  10 tokens/s  5.0 s left");
  expect(text()).not.toContain("milestone");
  expect(text()).not.toContain("50.0 % zero");
  expect(text()).toContain("warning: few rows\n");
  expect(text()).toContain("\u001b[?25h"); // the cursor is shown again
});

test("a rate wants two points in time", () => {
  const meter = createRateMeter();
  meter.add(5, 1);
  expect(meter.perSecond()).toBeUndefined();
  meter.add(25, 3);
  expect(meter.perSecond()).toBe(10);
  meter.restart();
  expect(meter.perSecond()).toBeUndefined();
});

test("a table is as wide as its cells", () => {
  expect(table([["a", "10"], ["long", "1"], ["x"]], ["left", "right"], "  ")).toBe("  a     10\n  long   1\n  x\n");
});
