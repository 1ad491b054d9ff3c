import { createReferenceBackend } from "@secateur/backend-reference";
import { describeBackend } from "@secateur/kit/testing";
import { describe, expect, it } from "vitest";
import { openTfjs } from "../src/open.ts";
import { NATIVE_FOLDER, nativeRuntime } from "./native.ts";

for (const runtime of ["node", "node-gpu"] as const) {
  const { make, missing } = await nativeRuntime(runtime);
  if (missing !== undefined) {
    describe(`tfjs ${runtime} as a backend`, () => it(missing, ({ skip }) => skip(missing)));
  } else {
    // TensorFlow sums in another order for a product than for a sum: where a gradient is the difference of two equal sums, what is left of it is more.
    describeBackend({ describe, it }, `tfjs ${runtime}`, make, { tolerance: 1e-4, reference: async () => createReferenceBackend() });
  }
}

describe.skipIf(NATIVE_FOLDER === undefined)("the native runtime", () => {
  const from = [NATIVE_FOLDER as string];

  it("says what it is, with the version of TensorFlow, also where another runtime computes", async () => {
    const other = await openTfjs({ runtime: "wasm" });
    const backend = await openTfjs({ runtime: "node", from });
    expect(backend.description).toMatchObject({
      device: "cpu",
      provider: expect.stringMatching(/^node 4\.\d+\.\d+ \(TensorFlow 2\.\d+\.\d+\)$/),
    });
    for (const one of [backend, other]) await one.dispose();
  });

  it("is what auto takes before wasm", async () => {
    const backend = await openTfjs({ runtime: "auto", from });
    expect(backend.description.provider).toMatch(/^node/);
    await backend.dispose();
  });
});
