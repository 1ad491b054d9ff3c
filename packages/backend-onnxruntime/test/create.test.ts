import { monitorEventLoopDelay } from "node:perf_hooks";
import { createReferenceBackend } from "@secateur/backend-reference";
import { instrument, programBuilder, TOKEN_WEIGHTS } from "@secateur/graph";
import { type DeviceTensor, inputNorm } from "@secateur/kit";
import { describeBackend } from "@secateur/kit/testing";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createOnnxRuntimeBackend, openRuntime } from "../src/index.ts";
import { onCpu } from "../src/placement.ts";
import { selfTest, TOLERANCE } from "../src/self-test.ts";
import { failureOf, newFolder, realProviders } from "./support.ts";

describe("choosing where to compute", () => {
  it("takes the processor where nothing was added", async () => {
    const backend = await createOnnxRuntimeBackend({ providersFolder: await newFolder() });
    expect(backend.description).toEqual({
      engine: "onnxruntime",
      version: expect.stringMatching(/^1\.\d+\.\d+$/),
      provider: "cpu",
      device: "cpu",
      precision: "f32",
    });
    await backend.dispose();
  });

  it.each<[what: string, options: Parameters<typeof createOnnxRuntimeBackend>[0], code: string, message: string]>([
    ["a provider that was not added", { provider: "openvino" }, "not-found", 'there is no provider "openvino"; there are cpu'],
    ["bf16 on cpu", { provider: "cpu", compute: "bf16" }, "usage", "the provider cpu computes in f32, not in bf16"],
    ["a GPU of cpu", { provider: "cpu", device: "gpu" }, "usage", "the provider cpu has no gpu"],
    ["bf16 where nothing has it", { compute: "bf16" }, "unsupported", "no provider here computes in bf16: see `secateur providers`"],
    [
      "options of no one provider",
      { providerOptions: { a: "b" } },
      "usage",
      "providerOptions are those of one provider: name it by the option provider",
    ],
    ["a GPU where there is none", { device: "gpu" }, "unsupported", "no provider here has a gpu: see `secateur providers`"],
  ])("refuses %s", async (_, options, code, message) => {
    const providersFolder = await newFolder();
    expect(await failureOf(() => createOnnxRuntimeBackend({ ...options, providersFolder }))).toEqual([code, message]);
  });

  it("tries a place on a block before it is used", async () => {
    const exact = onCpu("f32", { threads: 0, providerOptions: {} });
    const inPrimitives = onCpu("f32", { threads: 0, fused: false, providerOptions: {} });
    const { error, leak, milliseconds } = await selfTest(openRuntime(), { placement: inPrimitives, exact, threads: 0 });
    expect(error).toBeGreaterThan(0);
    expect(error).toBeLessThan(TOLERANCE.f32);
    expect(leak).toBe(0);
    expect(milliseconds).toBeGreaterThan(0);
  });
});

it("leaves the event loop free while it computes", async () => {
  const backend = await createOnnxRuntimeBackend({ provider: "cpu" });
  const b = programBuilder({});
  let value = b.input("x", [700, 700]);
  for (let i = 0; i < 40; i++) value = b.matmul(value, b.input(`w${i}`, [700, 700]));
  const program = await backend.compile(b.build({ y: value }));
  const weight = backend.upload(f32([700, 700]));
  const inputs = Object.fromEntries(["x", ...Array.from({ length: 40 }, (_, i) => `w${i}`)].map((name) => [name, weight]));
  const delay = monitorEventLoopDelay({ resolution: 1 });
  const runs: number[] = [];
  const start = performance.now();
  delay.enable();
  while (performance.now() - start < 1000) {
    const before = performance.now();
    backend.release((await backend.run(program, inputs)).y as typeof weight);
    runs.push(performance.now() - before);
  }
  delay.disable();
  // A run takes a tenth of a second on two cores: held, the loop would be late by as much.
  expect(delay.percentile(99) / 1e6).toBeLessThan(Math.min(...runs) / 5);
  await backend.dispose();
});

const { folder: providersFolder, missing } = await realProviders("openvino");
if (missing !== undefined) {
  describe("onnxruntime openvino as a backend", () => it(missing, ({ skip }) => skip(missing)));
} else {
  const make = () => createOnnxRuntimeBackend({ provider: "openvino", compute: "f32", providersFolder });
  describeBackend({ describe, it }, "onnxruntime openvino", make, { reference: async () => createReferenceBackend() });

  it("sums over tokens, and multiplies for solvers, in single precision where products are in bf16", async () => {
    const found = await createOnnxRuntimeBackend({ provider: "openvino", compute: "bf16", providersFolder }).catch((error: Error) => error);
    if (found instanceof Error) {
      expect(found.message).toMatch(/^the provider openvino computes in f32 on its cpu, not in bf16$/);
      return;
    }
    expect(found.description).toMatchObject({ provider: expect.stringMatching(/^openvino \d/), precision: "bf16" });
    const tokens = 511; // bf16 would count 512
    const b = programBuilder({});
    const read = b.silu(b.linear(b.input("x", ["batch", "tokens", 64]), b.weight("w1", [96, 64])));
    const block = b.build({ read, y: b.linear(read, b.weight("w2", [64, 96])) });
    const program = await found.compile(instrument(block, [{ tap: 1, reductions: [inputNorm] }]));
    const numbers = (count: number): Float32Array => Float32Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898));
    const inputs = {
      x: found.upload(f32([1, tokens, 64], numbers(tokens * 64))),
      w1: found.upload(f32([96, 64], numbers(96 * 64))),
      w2: found.upload(f32([64, 96], numbers(64 * 96))),
      [TOKEN_WEIGHTS]: found.upload(f32([1, tokens], new Float32Array(tokens).fill(1))),
    };
    const outputs = await found.run(program, inputs);
    const read32 = async (name: string): Promise<Float32Array> =>
      (await found.download(outputs[name] as DeviceTensor)).data as Float32Array;
    const [values, squares] = [await read32("read"), await read32("tap1/inputNorm/squares")];
    expect(await read32("tap1/inputNorm/weight")).toEqual(Float32Array.of(tokens));
    for (let channel = 0; channel < 96; channel++) {
      let wanted = 0;
      for (let token = 0; token < tokens; token++) wanted += (values[token * 96 + channel] as number) ** 2;
      expect(Math.abs((squares[channel] as number) - wanted) / wanted).toBeLessThan(1e-5);
    }
    const { data } = await found.download(await found.matmul(inputs.w1, inputs.w2));
    const exact = await createReferenceBackend();
    const again = await exact.download(
      await exact.matmul(exact.upload(f32([96, 64], numbers(96 * 64))), exact.upload(f32([64, 96], numbers(64 * 96)))),
    );
    for (const [i, value] of (data as Float32Array).entries()) expect(Math.abs(value - (again.data[i] as number))).toBeLessThan(1e-4);
    await found.dispose();
  });
}
