import { programBuilder } from "@secateur/graph";
import { f32, type Tensor, tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../src/index.ts";

type Given = Record<string, Tensor<"F32" | "I32" | "BOOL">>;

async function run(given: Given, into: Given = {}): Promise<Record<string, Tensor>> {
  const b = programBuilder({ hidden: 4 });
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const index = b.input("index", ["batch", "tokens"], "I32");
  const backend = createReferenceBackend();
  const executable = await backend.compile(b.build({ y: b.pick(b.linear(x, b.weight("w", [3, "hidden"])), index) }));
  const upload = (tensors: Given) => Object.fromEntries(Object.entries(tensors).map(([name, one]) => [name, backend.upload(one)]));
  const outputs = await backend.run(executable, upload(given), upload(into));
  return Object.fromEntries(await Promise.all(Object.entries(outputs).map(async ([name, value]) => [name, await backend.download(value)])));
}

const good: Given = { x: f32([2, 5, 4]), index: tensor("I32", [2, 5]), w: f32([3, 4]) };

describe("inputs that do not fit", () => {
  it("are told from inputs that do", async () => expect((await run(good)).y?.shape).toEqual([2, 5]));

  it.each<[string, Given, string]>([
    ["missing input", { x: f32([2, 5, 4]), w: f32([3, 4]) }, "the input index of the program is missing"],
    ["missing weight", { x: f32([2, 5, 4]), index: tensor("I32", [2, 5]) }, "the input w of the program is missing"],
    ["unknown input", { ...good, mask: f32([1]) }, "the program has no input mask; it has x, index, w"],
    ["another type", { ...good, index: f32([2, 5]) }, "the input index is F32, the program wants I32"],
    ["another rank", { ...good, x: f32([10, 4]) }, "x has shape [10, 4], the program wants [batch, tokens, 4]"],
    ["a fixed axis", { ...good, w: f32([4, 3]) }, "w has shape [4, 3], the program wants [3, 4] with batch = 2, tokens = 5"],
    [
      "a contradiction",
      { ...good, index: tensor("I32", [2, 6]) },
      "index has shape [2, 6], the program wants [batch, tokens] with batch = 2, tokens = 5",
    ],
    ["no tokens", { ...good, x: f32([2, 0, 4]) }, "x has shape [2, 0, 4], the program wants [batch, tokens, 4] with batch = 2"],
    ["an index past the end", { ...good, index: tensor("I32", [2, 5], new Int32Array(10).fill(3)) }, "the index 3 is not below 3"],
    ["an index below 0", { ...good, index: tensor("I32", [2, 5], new Int32Array(10).fill(-1)) }, "the index -1 is not below 3"],
  ])("%s", async (_, given, message) => {
    await expect(run(given)).rejects.toMatchObject({ name: "SecateurError", code: "backend", message });
  });

  it.each<[string, Given, string]>([
    ["of no output", { z: f32([2, 5]) }, "the program has no output z to write, only y"],
    ["of another shape", { y: f32([5, 2]) }, "the tensor for the output y is F32 of shape [5, 2], the output is F32 of shape [2, 5]"],
    [
      "of another type",
      { y: tensor("I32", [2, 5]) },
      "the tensor for the output y is I32 of shape [2, 5], the output is F32 of shape [2, 5]",
    ],
  ])("a target %s", async (_, into, message) => {
    await expect(run(good, into)).rejects.toMatchObject({ name: "SecateurError", code: "backend", message });
  });
});
