import { createReferenceBackend } from "@secateur/backend-reference";
import { programBuilder } from "@secateur/graph";
import { describeBackend } from "@secateur/kit/testing";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import finite from "./finite.ts";

describeBackend({ describe, it }, "finite", () => finite.create({ expand: true }), { reference: async () => createReferenceBackend() });

it("names the output that is not finite", async () => {
  const backend = await finite.create({ expand: false });
  const b = programBuilder({});
  const x = b.input("x", ["rows"]);
  const executable = await backend.compile(b.build({ y: b.log(x) }));
  const run = (value: number) => backend.run(executable, { x: backend.upload(f32([1], Float32Array.of(value))) });
  await run(1);
  await expect(run(0)).rejects.toThrow("the output y has -Infinity at 0");
  await backend.dispose();
});
