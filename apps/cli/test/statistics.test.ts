import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "vitest";
import { run, start, workFolder } from "./run-cli.ts";

const ROWS = ["--general", "llama/calibration.jsonl"];

test.concurrent("statistics are collected, merged, inspected and pruned from", async (context) => {
  const folder = workFolder(context);
  const general = await run(folder, "calibrate", "llama", ...ROWS, "--gram", "--out", "general.st");
  context.expect([general.code, general.out.split("\n")[0]]).toEqual([0, "collected    statistics of 21 layers for general"]);
  context.expect(general.out).toContain("  secateur prune llama --stats general.st --sparsity 0.5 --out pruned\n");
  const task = await run(folder, "calibrate", "llama", "--task", "a=llama/task-a.jsonl", "--gram", "--out", "task.st", "--json");
  context.expect(JSON.parse(task.out)).toMatchObject({ out: "task.st", plan: { layers: 21, roles: [{ role: "a", tokens: 120 }] } });

  const merged = await run(folder, "stats", "merge", "task.st", "general.st", "--out", "both.st");
  context.expect(merged.out).toMatch(/^general +6 +168 +llama\/calibration\.jsonl$/m);
  const inspected = await run(folder, "inspect", "both.st", "--json");
  context
    .expect(JSON.parse(inspected.out).statistics)
    .toMatchObject({ needs: ["inputNorm", "gram"], roles: [{ role: "general" }, { role: "a" }] });
  context.expect((await run(folder, "inspect", "both.st")).out).toBe(merged.out);

  const solver = ["--scorer", "sparsegpt", "--sparsity", "0.5"];
  const kept = await run(folder, "prune", "llama", "--stats", "both.st", ...solver, "--out", "kept");
  context.expect([kept.code, kept.out.split("\n")[0]]).toEqual([0, "zeros          50.0 %: 31,104 of 62,208 weights in 21 layers"]);
  const data = [...ROWS, "--task", "a=llama/task-a.jsonl", "--propagate", "none"];
  context.expect((await run(folder, "prune", "llama", ...data, ...solver, "--out", "data")).code).toBe(0);
  const weights = (out: string): Buffer => readFileSync(join(folder, out, "model.safetensors"));
  context.expect(weights("kept").equals(weights("data"))).toBe(true);
  context
    .expect((await run(folder, "inspect", "kept")).out)
    .toMatch(/^data {11}statistics both\.st\ncomputed by .*\nstatistics by +onnxruntime 1\.\d+\.\d+, cpu, products in f32\n/m);
});

test.concurrent("a dry run of a calibration shows what it would cost, and writes nothing", async (context) => {
  const folder = workFolder(context);
  const { code, out } = await run(folder, "calibrate", "llama", ...ROWS, "--dry-run");
  context.expect(code).toBe(0);
  context.expect(out).toContain("to collect             statistics of 21 layers for 1 role\n");
  context.expect(out).toMatch(/^disk for the output +11\.3 KiB$/m);
  context.expect(out).toContain("\nNothing was written: this was a dry run.\n");
  context.expect(readdirSync(folder)).toEqual(["llama"]);
});

test.concurrent("statistics without Gram matrices are refused where they are needed", async (context) => {
  const folder = workFolder(context);
  await run(folder, "calibrate", "llama", ...ROWS, "--out", "norms.st");
  const { code, err } = await run(
    folder,
    "prune",
    "llama",
    "--stats",
    "norms.st",
    "--scorer",
    "sparsegpt",
    "--sparsity",
    "0.5",
    "--out",
    "out",
  );
  context
    .expect([code, err])
    .toEqual([2, "error: norms.st: the statistic gram was not collected, only inputNorm: calibrate again with --gram\n"]);
  context.expect(readdirSync(folder).sort()).toEqual(["llama", "norms.st"]);
});

test.concurrent("an interrupted calibration leaves nothing", async (context) => {
  const folder = workFolder(context);
  // The reference backend takes seconds for these.
  const row = (r: number): string => JSON.stringify({ input_ids: Array.from({ length: 128 }, (_, t) => (r * 31 + t * t) % 96) });
  writeFileSync(join(folder, "long.jsonl"), Array.from({ length: 24 }, (_, r) => `${row(r)}\n`).join(""));
  const command = start(folder, ["calibrate", "llama", "--general", "long.jsonl", "--backend", "reference", "--out", "stats.st"]);
  await command.says("warning: general: 128 sequences were asked for");
  process.kill(-(command.process.pid as number), "SIGINT");
  const { code, err } = await command.ended;
  context.expect(code).toBe(130);
  context.expect(err).toContain("interrupted\n");
  context.expect(readdirSync(folder)).toEqual(["llama", "long.jsonl"]);
});

test.concurrent("a sweep tries every setting, and goes on where it stopped", async (context) => {
  const folder = workFolder(context);
  await run(folder, "calibrate", "llama", ...ROWS, "--task", "a=llama/task-a.jsonl", "--out", "stats.st");
  const lists = ["--sparsity", "0.25,0.5", "--pattern", "2:4", "--fusion", "mixture,shared-exclusive"];
  const args = ["sweep", "llama", "--stats", "stats.st", ...lists, "--data", "a=llama/task-a.jsonl", "--out", "sweep.jsonl"];
  const first = await run(folder, ...args);
  context.expect(first.code).toBe(0);
  context.expect(first.out).toMatch(/^scorer +fusion +amount +zero +a ppl$/m);
  context.expect(first.out).toMatch(/^dense +0\.0 % +\d+\.\d+$/m);
  context.expect(first.out).toMatch(/^wanda +shared-exclusive +2:4 +50\.0 % +\d+\.\d+$/m);
  const lines = readFileSync(join(folder, "sweep.jsonl"), "utf8").trimEnd().split("\n");
  context.expect(lines).toHaveLength(7);
  writeFileSync(join(folder, "sweep.jsonl"), `${lines.slice(0, 6).join("\n")}\n`);
  const again = await run(folder, ...args, "--json");
  context.expect(JSON.parse(again.out).rows.map(({ key }: { key: string }) => key)).toEqual(lines.map((line) => JSON.parse(line).key));
  const other = await run(folder, ...args, "--samples", "2");
  context
    .expect([other.code, other.err])
    .toEqual([2, "error: --out sweep.jsonl holds something else than results of these settings: give another, or --force to replace it\n"]);
  context.expect((await run(folder, ...args, "--samples", "2", "--force")).code).toBe(0);
  context.expect(readdirSync(folder).sort()).toEqual(["llama", "stats.st", "sweep.jsonl"]);
});

test.concurrent("layers' shares are chosen, and the dense pass for it is planned", async (context) => {
  const folder = workFolder(context);
  const args = ["prune", "llama", ...ROWS, "--sparsity", "0.5", "--allocate", "owl"];
  const planned = await run(folder, ...args, "--dry-run");
  context.expect(planned.out).toContain("layers' shares         by owl, after a pass of 576 tokens through the dense model\n");
  const pruned = await run(folder, ...args, "--out", "out");
  context.expect(pruned.out).toContain("zeros        50.0 %: 31,104 of 62,208 weights in 21 layers\n");
  const table = await run(
    folder,
    "prune",
    "llama",
    ...ROWS,
    "--sparsity",
    "0.5",
    "--allocate",
    "table",
    "--allocate-option",
    "*layers.9.*=0.1",
    "--dry-run",
  );
  context
    .expect([table.code, table.err])
    .toEqual([
      2,
      'error: allocator table: "*layers.9.*" matches no layer that is pruned; layers are called like model.layers.0.self_attn.q_proj.weight\n',
    ]);
});

test.concurrent("the loss's gradients are collected once, and choose masks that a solver repairs", async (context) => {
  const folder = workFolder(context);
  const data = [...ROWS, "--task", "a=llama/task-a.jsonl"];
  const collected = await run(folder, "calibrate", "llama", ...data, "--gradients", "--gram", "--out", "stats.st");
  context.expect(collected.code).toBe(0);
  const inspected = await run(folder, "inspect", "stats.st", "--json");
  context.expect(JSON.parse(inspected.out).statistics.needs).toEqual(["inputNorm", "gram", "outputGradient"]);
  const method = ["--scorer", "fisher", "--fusion", "mixture", "--weight", "a=0.25", "--sparsity", "0.5"];
  const kept = await run(folder, "prune", "llama", "--stats", "stats.st", ...method, "--out", "kept");
  context.expect([kept.code, kept.out.split("\n")[0]]).toEqual([0, "zeros          50.0 %: 31,104 of 62,208 weights in 21 layers"]);

  const planned = await run(folder, "prune", "llama", ...data, ...method, "--solver", "sparsegpt", "--dry-run");
  context.expect(planned.out).toContain("layers' shares         by fisher\n");
  context
    .expect(planned.out)
    .toMatch(/^first +the dense model's statistics, with the loss's gradients \(\d+\.\d KiB on disk while it runs\)$/m);
  context.expect(planned.out).toMatch(/^disk while it runs +\d+\.\d KiB more, for hidden states and statistics$/m);
  const fresh = await run(folder, "prune", "llama", ...data, ...method, "--solver", "sparsegpt", "--out", "fresh", "--json");
  context.expect(JSON.parse(fresh.out)).toMatchObject({ sparsity: { zeros: 31_104, of: 62_208 } });
  const recipe = JSON.parse(readFileSync(join(folder, "fresh/secateur.json"), "utf8")).recipe;
  context.expect(recipe).toMatchObject({ scorer: "fisher", solver: "sparsegpt", propagate: "block" });

  const sweep = ["sweep", "llama", "--stats", "stats.st", "--scorer", "fisher,magnitude", "--solver", "sparsegpt", "--sparsity", "0.5"];
  const swept = await run(folder, ...sweep, "--out", "sweep.jsonl");
  context.expect(swept.out).toMatch(/^fisher \+ sparsegpt +mixture +0\.5 +50\.0 %$/m); // what suits each scorer
  context.expect(swept.out).toMatch(/^magnitude \+ sparsegpt +shared-exclusive +0\.5 +50\.0 %$/m);

  const refused = await run(folder, "prune", "llama", "--stats", "stats.st", ...method, "--solver", "wanda", "--out", "out");
  context
    .expect([refused.code, refused.err])
    .toEqual([2, "error: --solver wanda: wanda scores weights and repairs none; a solver is sparsegpt\n"]);
  context.expect(readdirSync(folder).sort()).toEqual(["fresh", "kept", "llama", "stats.st", "sweep.jsonl"]);
});
