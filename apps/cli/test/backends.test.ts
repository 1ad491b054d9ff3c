import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import type { BackendState } from "../src/backends.ts";
import { simdOf } from "../src/machine.ts";
import { speedsText } from "../src/render/backends.ts";
import { run, workFolder } from "./run-cli.ts";

const ON_CPU = { engine: "e", version: "1", device: "cpu", precision: "f32" };

/** A package of a backend that is another's, installed in a folder. */
function install(folder: string, name: string, source: string): void {
  const target = join(folder, "node_modules", `secateur-backend-${name}`);
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, "package.json"), JSON.stringify({ name: `secateur-backend-${name}`, type: "module", exports: "./index.js" }));
  writeFileSync(join(target, "index.js"), source);
}

// One after the other: each starts a process for everything that may compute.
describe("what computes here", () => {
  test("plugins and doctor show each backend, with its threads or its fault", async (context) => {
    const folder = workFolder(context);
    install(
      folder,
      "lost",
      `export default { contract: 1, kind: "backend", name: "lost", summary: "s", options: { "~standard": { version: 1, vendor: "t", validate: (value) => ({ value }) } },
         choices: async () => [{ card: "0" }, { card: "1" }],
         create: async ({ card }) => { if (card === "0") throw new Error("the card is lost"); process.abort(); } };`,
    );
    const [{ out: listed, code }, { out: diagnosed }] = await Promise.all([
      run(folder, "plugins", "--json"),
      run(folder, "doctor", "--json"),
    ]);
    context.expect(code).toBe(0);
    const { backends, byDefault, machine } = JSON.parse(diagnosed) as {
      backends: (BackendState & { description?: object; problem?: string })[];
      byDefault: object;
      machine: { cores: number };
    };
    const found = (backend: string, options: object = {}) =>
      backends.find((one) => one.backend === backend && JSON.stringify(one.options) === JSON.stringify(options));
    context.expect(found("onnxruntime", { provider: "cpu" })).toMatchObject({ description: { device: "cpu", precision: "f32" } });
    context.expect(found("tfjs", { runtime: "wasm" })).toMatchObject({ description: { engine: "tfjs" }, threads: 1 });
    context.expect(found("reference")).toMatchObject({ threads: 1 });
    context.expect(found("lost", { card: "0" })?.problem).toContain("the card is lost");
    // Native code that ends its process does so to nothing else.
    context.expect(found("lost", { card: "1" })?.problem).toContain("the engine process died (signal SIGABRT)");
    context.expect(byDefault).toMatchObject({ backend: "onnxruntime", description: { engine: "onnxruntime" } });
    context.expect(machine.cores).toBeGreaterThan(0);
    const { backend } = JSON.parse(listed) as { backend: { name: string; here: unknown[] }[] };
    context.expect(backend.map(({ name, here }) => [name, here.length])).toEqual([
      ["onnxruntime", 1],
      ["tfjs", 4],
      ["reference", 1],
      ["lost", 2],
    ]);
  });

  test("doctor says what would help", async (context) => {
    const { out, code } = await run(workFolder(context), "doctor");
    context.expect(code).toBe(0);
    context.expect(out).toMatch(/^by default +onnxruntime \S+, cpu, products in f32$/m);
    context.expect(out).toMatch(/^tfjs +runtime=wasm +tfjs 4\.22\.0, wasm 4\.22\.0 \((?:no )?SIMD\) on cpu, products in f32, one thread$/m);
    context.expect(out).toMatch(/^tfjs +runtime=node-gpu +not installed$/m);
    context.expect(out).toContain("Add it with `npm install @tensorflow/tfjs-node-gpu`");
  });

  test("a dry run shows what else could compute it", async (context) => {
    const { out } = await run(
      workFolder(context),
      "prune",
      "llama",
      "--general",
      "llama/calibration.jsonl",
      "--sparsity",
      "0.5",
      "--dry-run",
    );
    context.expect(out).toMatch(/^reference +reference v\S+, cpu, products in f32, one thread$/m);
  });

  test("each is measured with a model's block", async (context) => {
    const { out, code } = await run(workFolder(context), "bench-backends", "llama", "--json");
    context.expect(code).toBe(0);
    const speeds = (JSON.parse(out) as { backend: string; flopsPerSecond?: number }[]).flatMap(({ backend, flopsPerSecond }) =>
      flopsPerSecond === undefined ? [] : [[backend, flopsPerSecond] as const],
    );
    const best = (backend: string): number => Math.max(...speeds.filter(([name]) => name === backend).map(([, speed]) => speed));
    context.expect(best("onnxruntime")).toBeGreaterThan(best("reference"));
    context.expect(best("tfjs")).toBeGreaterThan(0);
  });

  test("a model that is not there is told before anything is measured", async (context) => {
    const { code, err } = await run(workFolder(context), "bench-backends", "nowhere");
    context.expect(code).toBe(2);
    context.expect(err).toBe("error: no model at nowhere: there is no such file or folder\n");
  });

  test("a precision that it has not is refused", async (context) => {
    const flags = ["--backend", "tfjs", "--backend-option", "runtime=wasm", "--compute", "bf16"];
    const { code, err } = await run(workFolder(context), "eval", "llama", "--data", "llama/calibration.jsonl", ...flags);
    context.expect(code).toBe(2);
    context.expect(err).toMatch(/^error: the tfjs runtime wasm computes in single precision only, bf16 is asked for/);
  });
});

test("speeds are shown from the fastest on", ({ expect }) => {
  const states: BackendState[] = [
    { backend: "a", options: {}, description: ON_CPU, flopsPerSecond: 5e9, threads: 1 },
    { backend: "b", options: { on: "x" }, description: ON_CPU, flopsPerSecond: 123.4e9 },
    { backend: "c", options: {}, problem: "lost", code: "backend" },
  ];
  expect(speedsText(states)).toBe(
    [
      "backend  option  here                                        GFLOP/s  of the first",
      "b        on=x    e 1, cpu, products in f32, a thread a core      123          1.00",
      "a                e 1, cpu, products in f32, one thread          5.00          0.04",
      "",
    ].join("\n"),
  );
});

test("what a processor computes many numbers with has its names", ({ expect }) => {
  expect(simdOf("linux", "x64", new Set(["sse4_2", "avx", "avx2", "avx512f"]))).toEqual(["AVX", "AVX2", "AVX-512"]);
  expect(simdOf("linux", "arm64", new Set(["fp", "asimd"]))).toEqual(["NEON"]);
  expect(simdOf("darwin", "arm64", new Set())).toEqual(["NEON"]);
});
