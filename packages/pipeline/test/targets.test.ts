import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { RecipeInput } from "../src/index.ts";
import { run } from "./run.ts";
import { changedTensors, goldenRecipe, newFolder, tensorsOf, withBackend } from "./support.ts";

describe("which layers", () => {
  const untied = goldenRecipe("mistral");
  it.each<[what: string, change: Partial<RecipeInput>, matches: RegExp, count: number]>([
    ["the blocks' linear layers", {}, /layers.*proj/, 14],
    ["an untied head alone", { include: ["lm_head.weight"] }, /^lm_head\.weight$/, 1],
    ["an untied head too", { include: ["*"] }, /proj|lm_head/, 15],
    ["all but one block", { exclude: ["model.layers.0.*"] }, /layers\.1\..*proj/, 7],
    ["one layer", { include: ["model.layers.1.mlp.up_proj.weight"] }, /layers\.1\.mlp\.up_proj/, 1],
    ["a kind of layers", { include: ["*.mlp.*"], exclude: ["*.1.mlp.down_proj.*"] }, /mlp/, 5],
  ])("%s", async (_, change, matches, count) => {
    for (const propagate of ["block", "linear", "none"] as const) {
      const out = join(await newFolder(), "out");
      const manifest = await withBackend((backend) => run({ ...untied, ...change, propagate }, out, backend));
      const changed = changedTensors(untied.model, out);
      expect(changed.length).toBe(count);
      expect(changed.every((name) => matches.test(name))).toBe(true);
      expect(new Set(manifest.tensors.map(({ tensor }) => tensor))).toEqual(new Set(changed));
      for (const { zeros, shape } of manifest.tensors) expect(zeros).toBe((shape[0] * shape[1]) / 2);
    }
  });

  it("sends the hidden states through blocks that are left alone", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const only = { include: ["model.layers.1.*"] };
      await run({ ...untied, propagate: "none" }, join(folder, "all"), backend);
      await run({ ...untied, ...only, propagate: "none" }, join(folder, "one"), backend);
      await run({ ...untied, ...only }, join(folder, "one-block"), backend);
      const [all, one, block] = ["all", "one", "one-block"].map((name) => tensorsOf(join(folder, name)));
      for (const name of changedTensors(untied.model, join(folder, "one"))) {
        // The first block is dense in all three, so the second sees the same.
        expect(one?.get(name)).toEqual(all?.get(name));
        expect(block?.get(name)).toEqual(all?.get(name));
      }
    });
  });

  it("gives the head statistics of the normalised last hidden states", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      await run({ ...untied, include: ["lm_head.weight"] }, join(folder, "block"), backend);
      await run({ ...untied, include: ["lm_head.weight"], propagate: "none" }, join(folder, "none"), backend);
      await run({ ...untied, include: ["*"] }, join(folder, "after-pruned"), backend);
      expect(tensorsOf(join(folder, "block"))).toEqual(tensorsOf(join(folder, "none"))); // both dense up to the head
      const [dense, pruned] = ["block", "after-pruned"].map((name) => tensorsOf(join(folder, name)).get("lm_head.weight"));
      expect(pruned).not.toEqual(dense);
    });
  });
});
