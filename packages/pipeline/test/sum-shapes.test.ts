import { safetensors } from "@secateur/format-safetensors";
import { gram, inputNorm } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { sumShapes } from "@secateur/runner";
import { expect, it } from "vitest";
import { createSumShapes } from "../src/sum-shapes.ts";
import { selectTargets } from "../src/targets.ts";
import { goldenFolder } from "./golden-cases.ts";

it("gives every layer's shapes, and finds those of blocks with one program once", async () => {
  const model = await safetensors.open(goldenFolder("llama"));
  const sections = selectTargets(describeModel(model), [], []);
  await model.close();
  const shapesOf = createSumShapes();
  const found = new Set<unknown>();
  const layers = sections.flatMap(({ program, linears }) => linears.map(({ weight }) => ({ program, name: weight.name })));
  for (const need of [inputNorm, gram]) {
    for (const { program, name } of layers) {
      const shapes = shapesOf(program, name, need);
      expect(shapes).toEqual(sumShapes(program, name, need));
      found.add(shapes);
    }
  }
  expect([layers.length, found.size]).toEqual([21, 14]); // of three blocks with one program, and two statistics
});
