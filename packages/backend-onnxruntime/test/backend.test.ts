import { readdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { createReferenceBackend } from "@secateur/backend-reference";
import { programBuilder } from "@secateur/graph";
import { describeBackend } from "@secateur/kit/testing";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createOnnxRuntimeBackend } from "../src/index.ts";

const telemetryFiles = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith("mat-debug-"));
const before = telemetryFiles();

for (const fused of [true, false]) {
  const make = () => createOnnxRuntimeBackend({ provider: "cpu", threads: 2, fused });
  describeBackend({ describe, it }, fused ? "onnxruntime" : "onnxruntime in primitives", make, {
    reference: async () => createReferenceBackend(),
  });
}

describe("the runtime's library", () => {
  it("holds memory flat over many runs and sessions once they are released", async () => {
    const backend = await createOnnxRuntimeBackend({ provider: "cpu", threads: 1 });
    const work = async (times: number): Promise<number> => {
      for (let i = 0; i < times; i++) {
        const b = programBuilder({});
        const x = b.input("x", ["m", "n"]);
        const executable = await backend.compile(b.build({ y: b.add(x, b.constant(i)) }));
        const input = backend.upload(f32([256, 256]));
        const { y } = await backend.run(executable, { x: input });
        for (const value of [input, y]) backend.release(value as typeof input);
        await executable.release();
      }
      return process.memoryUsage().rss;
    };
    await work(60); // pools and compiled code settle
    const settled = await work(60);
    const later = await work(240);
    await backend.dispose();
    // 240 sessions with a quarter megabyte in and out would be 120 MB if nothing were freed.
    expect(later - settled).toBeLessThan(60 * 2 ** 20);
  });

  it("leaves no telemetry file in the temporary folder", () => {
    expect(process.env.ORT_DISABLE_TELEMETRY).toBe("1");
    expect(telemetryFiles()).toEqual(before);
  });
});
