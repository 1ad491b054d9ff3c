import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { computedText } from "@secateur/report/text";
import { describe, test } from "vitest";
import { addedText, providersText } from "../src/render/providers.ts";
import { plainColors } from "../src/terminal.ts";
import { run, start, workFolder } from "./run-cli.ts";

const OPENVINO = {
  name: "openvino",
  version: "1.8.1",
  vendor: "Intel",
  devices: [{ kind: "cpu", hardware: "Xeon", precisions: ["f32", "bf16"] }],
  added: { library: "/data/openvino/lib.so", source: "openvino.whl", sha256: "ab12" },
} as const;
const CPU = {
  name: "cpu",
  version: "1.30.0",
  vendor: "Microsoft",
  devices: [{ kind: "cpu", hardware: "Intel", precisions: ["f32"] }],
} as const;

test("providers are listed with their devices, and what is wrong with one stands below", ({ expect }) => {
  const broken = { ...OPENVINO, name: "webgpu", devices: [], problem: "the provider webgpu does not load: why" };
  expect(providersText([CPU, OPENVINO, broken], plainColors)).toBe(
    [
      "provider  version  device          hardware  computes in",
      "cpu       1.30.0   cpu             Intel     f32",
      "openvino  1.8.1    cpu             Xeon      f32, bf16",
      "webgpu    1.8.1    cannot be used",
      "",
      "the provider webgpu does not load: why",
      "",
    ].join("\n"),
  );
  expect(addedText(OPENVINO, plainColors)).toBe(
    [
      "added    openvino 1.8.1, of Intel",
      "cpu      Xeon, computes in f32, bf16",
      "from     openvino.whl (sha256 ab12)",
      "library  /data/openvino/lib.so",
      "",
      "From now on it computes where it passes a self-test and is clearly faster; --backend-option provider=openvino asks for this one.",
      "",
    ].join("\n"),
  );
  const backend = { engine: "onnxruntime", version: "1.30.0", provider: "cpu", device: "cpu", precision: "f32" };
  expect(computedText(backend)).toBe("onnxruntime 1.30.0, cpu, products in f32");
});

describe.concurrent("secateur providers", () => {
  test("lists the processor, and says how to add more", async (context) => {
    const folder = workFolder(context);
    const { code, out, err } = await run(folder, "providers");
    context.expect([code, err]).toEqual([0, ""]);
    context
      .expect(out)
      .toMatch(/^provider {2}version {2}device {2}hardware +computes in\ncpu +1\.\d+\.\d+ +cpu +\S* +f32\n\nMore can be added:\n/);
    const list = JSON.parse((await run(folder, "providers", "--json")).out);
    context.expect(list).toMatchObject([{ name: "cpu", devices: [{ kind: "cpu", precisions: ["f32"] }] }]);
  });

  test("refuses what is no provider, and leaves nothing", async (context) => {
    const folder = workFolder(context);
    writeFileSync(join(folder, "bad.whl"), "no wheel");
    const cases: [args: string[], message: RegExp][] = [
      [["add", "none.whl"], /^error: there is no file .*none\.whl\n/],
      [["add", "bad.whl"], /^error: .*bad\.whl is no wheel that can be unpacked: /],
      [["add", "llama/config.json"], /^error: the provider config-json does not load: /],
      [["remove", "openvino"], /^error: there is no provider "openvino"; there are cpu\n/],
    ];
    for (const [args, message] of cases) {
      const { code, out, err } = await run(folder, "providers", ...args);
      context.expect([code, out]).toEqual([2, ""]);
      context.expect(err).toMatch(message);
    }
  });

  test("a run on a provider that is not there ends before anything is written", async (context) => {
    const folder = workFolder(context);
    const args = ["prune", "llama", "--general", "llama/calibration.jsonl", "--sparsity", "0.5", "--out", "out"];
    const missing = await run(folder, ...args, "--backend-option", "provider=openvino");
    context.expect(missing).toMatchObject({ code: 2, out: "", err: 'error: there is no provider "openvino"; there are cpu\n' });
    const bf16 = await run(folder, ...args, "--compute", "bf16");
    context.expect(bf16).toMatchObject({ code: 2, err: "error: no provider here computes in bf16: see `secateur providers`\n" });
    const odd = await run(folder, ...args, "--compute", "f16");
    context.expect([odd.code, odd.err]).toEqual([2, context.expect.stringContaining("--compute")]);
    context.expect(readdirSync(folder)).toEqual(["llama"]);
  });

  test("a provider that does not load is shown as such, and passed over", async (context) => {
    const folder = workFolder(context);
    const place = join(folder, "data", "providers", "gone");
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "provider.json"), JSON.stringify({ library: "gone.so", source: "gone.whl", sha256: "0" }));
    const withData = (...args: string[]) => start(folder, args, { SECATEUR_DATA: join(folder, "data") }).ended;
    const listed = await withData("providers");
    context.expect(listed.out).toContain("gone               cannot be used");
    context.expect(listed.out).toContain(`the provider gone does not load: there is no file ${place}/gone.so\n`);
    const args = ["prune", "llama", "--scorer", "magnitude", "--sparsity", "0.5", "--dry-run"];
    const plan = await withData(...args);
    context
      .expect([plan.code, plan.out])
      .toEqual([0, context.expect.stringMatching(/computed by +onnxruntime 1\.\d+\.\d+, cpu, products in f32\n/)]);
    const removed = await withData("providers", "remove", "gone");
    context.expect(removed).toMatchObject({ code: 0, out: "removed gone\n" });
  });
});
