import { programBuilder } from "@secateur/graph";
import { describeOptions } from "@secateur/kit/node";
import { f32 } from "@secateur/tensor";
import { expect, it } from "vitest";
import { tfjs } from "../src/index.ts";

it("the example of the README says what comes out", async () => {
  const backend = await tfjs.create({ runtime: "wasm" });
  const b = programBuilder({});
  const x = b.input("x", ["rows", "cols"]);
  const program = await backend.compile(b.build({ y: b.softmax(x) }));
  const input = backend.upload(f32([1, 2], Float32Array.of(0, Math.log(3))));
  const { y } = await backend.run(program, { x: input });
  const { data } = await backend.download(y as NonNullable<typeof y>);
  await backend.dispose();
  expect(data[0]).toBeCloseTo(0.25, 6);
  expect(data[1]).toBeCloseTo(0.75, 6);
});

it("the options of the README are the plugin's", () => {
  expect(describeOptions(tfjs)).toMatchObject([
    { name: "runtime", default: "auto" },
    { name: "compute", default: "auto" },
    { name: "threads", default: 0 },
  ]);
});
