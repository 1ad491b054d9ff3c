import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "vitest";
import { run, workFolder } from "./run-cli.ts";

const FIRST = "model.layers.0.self_attn.q_proj.weight";

/** A plugin as a file, with what its `create` does. */
function plugin(kind: string, create: string): string {
  return `export default {
    contract: 1, kind: "${kind}", name: "bad", summary: "is not what it says",
    options: { "~standard": { version: 1, vendor: "test", validate: (value) => ({ value }) } },
    create() { ${create} },
  };`;
}

const scorer = (score: string): string =>
  plugin("scorer", `return { needs: [], selection: { group: "row", rule: "exact" }, async score(layer, stats) { ${score} } };`);

// What a plugin does → what standard error says, and what is left: all end with exit code 2.
const TABLE: readonly [flag: string, source: string, message: string, left: readonly string[]][] = [
  ["--scorer", scorer("throw new Error('no luck');"), `scorer ./bad.mjs failed on ${FIRST}: no luck`, ["out.partial"]],
  [
    "--scorer",
    scorer("return { ...layer.weights, data: layer.weights.data.map(() => NaN) };"),
    `scorer ./bad.mjs gave a score of NaN (entry 0) for ${FIRST}`,
    ["out.partial"],
  ],
  [
    "--scorer",
    scorer("layer.weights.data.fill(0); return layer.weights;"),
    `scorer ./bad.mjs changed the weights that it was given for ${FIRST}`,
    ["out.partial"],
  ],
  [
    "--scorer",
    scorer("layer.weights.shape.reverse(); return layer.weights;"),
    `scorer ./bad.mjs failed on ${FIRST}: Cannot assign to read only property '0' of object '[object Array]'`,
    ["out.partial"],
  ],
  [
    "--fusion",
    plugin("fuser", "return { needs: [], reads: 'general', fuse: async () => { throw new Error('late'); } };"),
    `fusion ./bad.mjs gave a promise of its answer, wanted the answer, for ${FIRST}`,
    ["out.partial"],
  ],
  ["--allocate", plugin("allocator", "return { needs: [], allocate: () => [] };"), "allocator ./bad.mjs gave 0 ratios for 21 layers", []],
  ["--scorer", plugin("scorer", "return { needs: [] };"), "scorer ./bad.mjs has no function score or solve", []],
  ["--scorer", plugin("scorer", "throw new Error('no luck');"), 'scorer "bad" failed when it was made: no luck', []],
];

describe.concurrent("a plugin that does not keep its contract is exit code 2, named, and leaves no output", () => {
  for (const [flag, source, message, left] of TABLE) {
    test(message, async (context) => {
      const folder = workFolder(context);
      writeFileSync(join(folder, "bad.mjs"), source);
      const before = readdirSync(folder);
      const { code, err } = await run(
        folder,
        "prune",
        "llama",
        "--general",
        "llama/calibration.jsonl",
        flag,
        "./bad.mjs",
        "--sparsity",
        "0.5",
        "--out",
        "out",
      );
      context
        .expect({ code, said: err.split("\n").find((line) => line.startsWith("error: ")) })
        .toEqual({ code: 2, said: `error: ${message}` });
      context.expect(readdirSync(folder)).toEqual([...before, ...left].sort());
    });
  }
});
