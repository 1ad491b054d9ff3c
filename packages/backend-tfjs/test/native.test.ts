import { createReferenceBackend } from "@secateur/backend-reference";
import { describeBackend } from "@secateur/kit/testing";
import { describe, expect, it } from "vitest";
import { openTfjs } from "../src/open.ts";

const folder = process.env.SECATEUR_TEST_TFJS_NODE;
if (folder === undefined) console.warn("tests on tfjs-node are skipped: SECATEUR_TEST_TFJS_NODE names no folder that has it");

describe.skipIf(folder === undefined)("the native runtime", () => {
  const make = () => openTfjs({ runtime: "node", from: [folder as string] });
  // TensorFlow sums in another order for a product than for a sum: where a gradient is the difference of two equal sums, what is left of it is more.
  describeBackend({ describe, it }, "tfjs on node", make, { tolerance: 1e-4, reference: async () => createReferenceBackend() });

  it("says what it is, with the version of TensorFlow", async () => {
    const backend = await make();
    expect(backend.description).toMatchObject({
      device: "cpu",
      provider: expect.stringMatching(/^node 4\.\d+\.\d+ \(TensorFlow 2\.\d+\.\d+\)$/),
    });
    await backend.dispose();
  });

  it("is what auto takes before wasm", async () => {
    const backend = await openTfjs({ runtime: "auto", from: [folder as string] });
    expect(backend.description.provider).toMatch(/^node/);
    await backend.dispose();
  });
});
