import { existsSync } from "node:fs";
import { join } from "node:path";
import { bytesOf, type Tensor } from "@secateur/tensor";
import { expect, it } from "vitest";
import { type PruneEvent, partialFolder } from "../src/index.ts";
import { run } from "./run.ts";
import { filesOf, goldenRecipe, newFolder, taskA, tensorsOf, withBackend } from "./support.ts";

it.each(["wanda", "sparsegpt"])(
  "mode linear prunes with %s what one run after another would, each on what really reaches its layers",
  async (scorer) => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const recipe = goldenRecipe("llama", { scorer, tasks: [taskA()], fusion: "mixture" });
      let model = recipe.model;
      for (const [i, layers] of [["q_proj", "k_proj", "v_proj"], ["o_proj"], ["gate_proj", "up_proj"], ["down_proj"]].entries()) {
        const include = layers.map((layer) => `model.layers.0.*${layer}.weight`);
        const out = join(folder, `step${i}`);
        await run({ ...recipe, model, include, propagate: "block" }, out, backend);
        model = out;
      }
      const out = join(folder, "linear");
      await run({ ...recipe, include: ["model.layers.0.*"], propagate: "linear" }, out, backend);
      const [expected, found] = [tensorsOf(model), tensorsOf(out)];
      for (const [name, tensor] of found) expect([name, bytesOf(tensor)]).toEqual([name, bytesOf(expected.get(name) as Tensor)]);

      await run({ ...recipe, include: ["model.layers.0.*"], propagate: "block" }, join(folder, "block"), backend);
      const down = "model.layers.0.mlp.down_proj.weight";
      const block = tensorsOf(join(folder, "block"));
      expect(bytesOf(block.get(down) as Tensor)).not.toEqual(bytesOf(found.get(down) as Tensor));
    });
  },
);

it.each(["block", "linear", "none"] as const)("mode %s gives the same bytes when hidden states go to a scratch file", async (propagate) => {
  await withBackend(async (backend) => {
    const folder = await newFolder();
    const recipe = goldenRecipe("llama", { tasks: [taskA()], propagate });
    const [whole, scratched] = [join(folder, "memory"), join(folder, "scratch")];
    await run(recipe, whole, backend, {}, 64);
    const seen: boolean[] = [];
    const emit = (event: PruneEvent): void => {
      if (event.type === "progress" && event.phase === "calibrate") seen.push(existsSync(join(partialFolder(scratched), "scratch")));
    };
    await run(recipe, scratched, backend, { emit }, 64, 10_000);
    expect(seen).toContain(true);
    expect(filesOf(scratched)).toEqual(filesOf(whole));
  });
});
