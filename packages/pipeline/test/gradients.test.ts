import { existsSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors } from "@secateur/format-safetensors";
import { type Tensor, toFloat32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type Manifest, type PruneEvent, partialFolder, type RecipeInput } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { collectTo, run } from "./run.ts";
import { copyGolden, failureOf, filesOf, goldenRecipe, newFolder, taskA, tensorsOf, withBackend, writeFiles } from "./support.ts";

const TOKENS = 64;
const MODEL = "model.safetensors";
const SIZE = {
  q_proj: 48 * 48,
  k_proj: 24 * 48,
  v_proj: 24 * 48,
  o_proj: 48 * 48,
  gate_proj: 96 * 48,
  up_proj: 96 * 48,
  down_proj: 48 * 96,
};

/** Prunes into a new folder. */
async function pruned(input: RecipeInput, options: Parameters<typeof run>[3] = {}): Promise<{ out: string; manifest: Manifest }> {
  const out = join(await newFolder(), "out");
  const manifest = await withBackend((backend) => run(input, out, backend, options, TOKENS));
  return { out, manifest };
}

/** Which weights of a model's linear layers are zero, by tensor. */
function zerosOf(folder: string): Map<string, string> {
  const linears = [...tensorsOf(folder)].filter(([name]) => name.endsWith("_proj.weight"));
  return new Map(linears.map(([name, tensor]) => [name, Array.from(toFloat32(tensor), (value) => (value === 0 ? "0" : "1")).join("")]));
}

const fisher = (rest: Partial<RecipeInput> = {}): RecipeInput => goldenRecipe("llama", { scorer: "fisher", tasks: [taskA()], ...rest });

describe("a budget that scores of the loss share out", () => {
  const ratios = ({ tensors }: Manifest): number[] => tensors.map(({ zeros, shape }) => zeros / (shape[0] * shape[1]));
  const total = Object.values(SIZE).reduce((sum, size) => sum + size, 0);

  it.each<[string, Record<string, unknown>, number]>([
    ["row", {}, 0],
    ["matrix", {}, 0],
    ["block", { band: 0.1 }, 0.1],
    ["model", { band: 0.2 }, 0.2],
    ["model", { band: 1 }, 1],
  ])("is exact within each %s %j", async (group, options, band) => {
    for (const sparsity of [0.5, 0.37]) {
      const { manifest } = await pruned(fisher({ sparsity, scorerOptions: { group, ...options } }));
      const blocks = [0, 1, 2].map((block) => manifest.tensors.filter(({ tensor }) => tensor.includes(`layers.${block}.`)));
      if (group === "model") expect(manifest.sparsity.zeros).toBe(Math.floor(3 * total * sparsity));
      if (group === "block")
        for (const block of blocks) expect(block.reduce((sum, { zeros }) => sum + zeros, 0)).toBe(Math.floor(total * sparsity));
      for (const { zeros, shape } of manifest.tensors) {
        const size = shape[0] * shape[1];
        if (group === "row") expect(zeros).toBe(shape[0] * Math.floor(shape[1] * sparsity));
        if (group === "matrix") expect(zeros).toBe(Math.floor(size * sparsity));
        expect(Math.abs(zeros - size * sparsity)).toBeLessThanOrEqual(band * size + Math.max(1, shape[0]));
      }
      if (band > 0) expect(new Set(ratios(manifest)).size).toBeGreaterThan(3);
    }
  });

  it("takes all of a matrix whose output goes nowhere before it takes any other", async () => {
    const tensors = tensorsOf(goldenFolder("llama"));
    const down = tensors.get("model.layers.1.mlp.down_proj.weight") as Tensor;
    (down.data as Float32Array).fill(0);
    const model = await copyGolden("llama", { [MODEL]: encodeSafetensors(tensors, { format: "pt" }) });
    const { manifest } = await pruned({ ...fisher({ scorerOptions: { band: 1 } }), model });
    const zeros = (layer: string) => manifest.tensors.find(({ tensor }) => tensor === `model.layers.1.mlp.${layer}.weight`)?.zeros;
    expect([zeros("gate_proj"), zeros("up_proj")]).toEqual([SIZE.gate_proj, SIZE.up_proj]);
  });
});

describe("scores of the loss", () => {
  it.each<[string, Partial<RecipeInput>]>([
    ["fisher", {}],
    ["fisher, 2:4", { pattern: { keep: 2, of: 4 }, sparsity: undefined }],
    ["fisher in rows, mixture", { scorerOptions: { group: "row" }, fusion: "mixture" }],
    ["fisher, parted by both sides", { fusion: "shared-exclusive", fusionOptions: { partition: "both" } }],
    ["obd", { scorer: "obd", scorerOptions: { group: "block" } }],
    ["wanda parted by outputs", { scorer: "wanda", fusion: "shared-exclusive", fusionOptions: { partition: "outputs" } }],
    ["wanda-plus", { scorer: "wanda-plus", propagate: "none" }],
    ["sparsegpt with the budget of fisher", { scorer: "sparsegpt", allocate: "fisher", propagate: "none" }],
    [
      "wanda with fisher's budget of each row",
      { scorer: "wanda", allocate: "fisher", allocateOptions: { budget: "row" }, propagate: "none" },
    ],
    ["fisher's mask, repaired", { solver: "sparsegpt", propagate: "none" }],
    ["fisher in a part of the model", { include: ["*layers.1*", "*layers.2.mlp*"] }],
  ])("prune to the same weights from kept statistics as from the data: %s", async (_, method) => {
    const stats = join(await newFolder(), "stats.safetensors");
    await withBackend((backend) => collectTo(stats, { tasks: [taskA()], gram: true, fisher: true, regional: true }, backend));
    const whole = fisher(method);
    const { out } = await pruned(whole);
    const { general: _general, tasks: _tasks, propagate: _propagate, ...rest } = whole;
    const kept = await pruned({ ...rest, stats } as RecipeInput);
    // What is kept comes of the way back, which computes a layer's inputs by another program: Gram matrices differ in their last bits, masks do not.
    if (whole.solver !== undefined || whole.scorer === "sparsegpt") expect(zerosOf(kept.out)).toEqual(zerosOf(out));
    else expect(filesOf(kept.out)[MODEL]).toBe(filesOf(out)[MODEL]);
    expect(kept.manifest.recipe.propagate).toBe("none");
  });

  it("of a role of weight 0 have no influence, and those of equal roles are the single role's", async () => {
    const alone = goldenRecipe("llama", { scorer: "fisher" });
    const { out } = await pruned(alone);
    const weightless = await pruned(fisher({ weights: { a: 0 } }));
    expect(zerosOf(weightless.out)).toEqual(zerosOf(out));
    const rows = join(goldenFolder("llama"), "calibration.jsonl");
    for (const fusion of ["mixture", "shared-exclusive", "max"]) {
      const equal = await pruned({ ...alone, tasks: [{ name: "same", source: rows }], fusion });
      expect(zerosOf(equal.out), fusion).toEqual(zerosOf(out));
    }
  });

  it("do not change when more data of the same kind is counted", async () => {
    const folder = await newFolder();
    const { readFileSync } = await import("node:fs");
    const rows = readFileSync(join(goldenFolder("llama"), "calibration.jsonl"), "utf8");
    await writeFiles(folder, { "twice.jsonl": rows + rows });
    const { out } = await pruned(fisher());
    const twice = await pruned(fisher({ general: [{ source: join(folder, "twice.jsonl") }] }));
    expect(zerosOf(twice.out)).toEqual(zerosOf(out));
  });
});

describe("a mask that a solver repairs", () => {
  it.each(["none", "block", "linear"] as const)("is the scorer's own in mode %s, and the weights that stay change", async (propagate) => {
    const { out } = await pruned(fisher());
    const repaired = await pruned(fisher({ solver: "sparsegpt", propagate }));
    const [before, after] = [zerosOf(out), zerosOf(repaired.out)];
    for (const [name, mask] of before) expect(after.get(name), name).toBe(mask);
    expect(filesOf(repaired.out)[MODEL]).not.toBe(filesOf(out)[MODEL]);
    expect(repaired.manifest.tensors[0]?.notes).toEqual({ damping: 0.01, deadChannels: 0 });
  });

  it("may be of a scorer that looks at each step anew", async () => {
    const block = await pruned(goldenRecipe("llama", { scorer: "wanda", solver: "sparsegpt", propagate: "block" }));
    const none = await pruned(goldenRecipe("llama", { scorer: "wanda", solver: "sparsegpt", propagate: "none" }));
    const plain = await pruned(goldenRecipe("llama", { scorer: "wanda", propagate: "none" }));
    expect(zerosOf(none.out)).toEqual(zerosOf(plain.out));
    expect(zerosOf(block.out)).not.toEqual(zerosOf(plain.out)); // later blocks see repaired ones
  });
});

describe("budgets of fisher for others", () => {
  const fusion = "shared-exclusive"; // what suits one of them is not what suits the other
  const model = (manifest: Manifest): number[] => manifest.tensors.map(({ zeros }) => zeros);

  it.each(["wanda", "sparsegpt"])("are those of its own masks, for %s", async (scorer) => {
    const own = await pruned(fisher({ fusion }));
    for (const propagate of ["none", "block", "linear"] as const) {
      const other = await pruned(fisher({ scorer, fusion, allocate: "fisher", propagate }));
      expect(model(other.manifest), propagate).toEqual(model(own.manifest));
    }
  });

  it("go down to the rows", async () => {
    const own = zerosOf((await pruned(fisher({ fusion }))).out);
    const cols = (name: string): number => (name.includes("down_proj") ? 96 : 48);
    const byRow = (masks: Map<string, string>): number[][] =>
      [...masks].map(([name, mask]) => (mask.match(new RegExp(`.{${cols(name)}}`, "g")) ?? []).map((row) => row.split("0").length - 1));
    for (const scorer of ["wanda", "sparsegpt"]) {
      const other = await pruned(fisher({ scorer, fusion, allocate: "fisher", allocateOptions: { budget: "row" }, propagate: "none" }));
      expect(byRow(zerosOf(other.out))).toEqual(byRow(own));
    }
  });
});

describe("an interrupted run by scores of the loss", () => {
  const recipe = fisher({ solver: "sparsegpt", propagate: "block" });

  it("goes on to the same bytes, and keeps the statistics of the dense model once they are whole", async () => {
    const whole = await pruned(recipe);
    const phases = (block: number, phase: string) => (at: PruneEvent) => at.type === "progress" && at.phase === phase && at.block === block;
    const places: [string, (at: PruneEvent) => boolean, again: boolean][] = [
      ["on the way to the loss", phases(0, "gradients"), true],
      ["on the way back", phases(1, "gradients"), true],
      ["while the budget is shared out", phases(1, "allocate"), false],
      ["while it collects for the second block", phases(1, "calibrate"), false],
    ];
    for (const [where, when, again] of places) {
      const out = join(await newFolder(), "out");
      const stop = new AbortController();
      const emit = (at: PruneEvent): void => {
        if (when(at)) stop.abort();
      };
      await withBackend(async (backend) => {
        expect(await failureOf(() => run(recipe, out, backend, { emit, signal: stop.signal }, TOKENS)), where).toEqual([
          "cancelled",
          "the run was cancelled",
        ]);
        expect(existsSync(join(partialFolder(out), "statistics.safetensors")), where).toBe(!again);
        let back = 0;
        await run(recipe, out, backend, { emit: (at) => void (at.type === "progress" && at.phase === "gradients" && back++) }, TOKENS);
        expect(back > 0, where).toBe(again);
      });
      expect(filesOf(out), where).toEqual(filesOf(whole.out));
      expect(existsSync(partialFolder(out))).toBe(false);
    }
  });

  it("is begun anew with another recipe only when asked", async () => {
    const out = join(await newFolder(), "out");
    const stop = new AbortController();
    await withBackend(async (backend) => {
      const emit = (at: PruneEvent): void => {
        if (at.type === "progress" && at.phase === "allocate") stop.abort();
      };
      await failureOf(() => run(recipe, out, backend, { emit, signal: stop.signal }, TOKENS));
      const other = { ...recipe, general: [{ source: join(goldenFolder("llama"), "task-a.jsonl") }], tasks: [], fusion: "general" };
      expect((await failureOf(() => run(other, out, backend, {}, TOKENS)))[0]).toBe("exists");
      let back = 0;
      await run(
        other,
        out,
        backend,
        { restart: true, emit: (at) => void (at.type === "progress" && at.phase === "gradients" && back++) },
        TOKENS,
      );
      expect(back).toBeGreaterThan(0);
    });
  });
});

describe("what cannot be scored by the loss", () => {
  it("is a loss that is not finite, and the role is named", async () => {
    const tensors = tensorsOf(goldenFolder("llama"));
    const scale = tensors.get("model.norm.weight") as Tensor;
    (scale.data as Float32Array).fill(3e38);
    const model = await copyGolden("llama", { [MODEL]: encodeSafetensors(tensors, { format: "pt" }) });
    const out = join(await newFolder(), "out");
    const [code, message] = await failureOf(() => withBackend((backend) => run({ ...fisher(), model }, out, backend, {}, TOKENS)));
    expect([code, message]).toEqual(["numeric", expect.stringMatching(/^role general: the loss on this data is (NaN|Infinity): /)]);
    expect(existsSync(out)).toBe(false);
  });

  it("is refused before anything runs", async () => {
    const folder = await newFolder();
    const stats = join(folder, "stats.safetensors");
    await withBackend(async (backend) => {
      await collectTo(stats, { tasks: [taskA()] }, backend);
      const { general: _general, tasks: _tasks, ...rest } = fisher();
      const refusal = (input: RecipeInput) => failureOf(() => run(input, join(folder, "out"), backend, {}, TOKENS));
      expect(await refusal({ ...rest, stats })).toEqual([
        "input",
        `${stats}: the statistic outputGradient was not collected, only inputNorm: calibrate again with --gradients`,
      ]);
      await collectTo(join(folder, "more.safetensors"), { tasks: [taskA()], gradients: true }, backend);
      expect(await refusal({ ...rest, scorer: "obd", stats: join(folder, "more.safetensors") })).toEqual([
        "input",
        `${join(folder, "more.safetensors")}: the statistic fisher was not collected, only inputNorm and outputGradient: calibrate again with --fisher`,
      ]);
      const untied = goldenRecipe("mistral", { scorer: "fisher", include: ["lm_head.weight", "*layers.0.mlp*"] });
      expect(await refusal(untied)).toEqual([
        "unsupported",
        "outputGradient is collected of the blocks' linear layers, and lm_head.weight is the output head: leave it out",
      ]);
    });
  });

  it("is refused where ranks would stand against those of larger matrices", async () => {
    const ranked = (rest: Partial<RecipeInput>) => pruned(fisher({ fusion: "rank", ...rest }));
    expect((await failureOf(() => ranked({})))[0]).toBe("usage");
    const { manifest } = await ranked({ scorerOptions: { group: "matrix" } });
    expect(manifest.sparsity.ratio).toBe(0.5);
    await ranked({ sparsity: undefined, pattern: { keep: 2, of: 4 } });
  });

  it("is refused where a role predicts nothing, before any weight is read", async () => {
    const folder = await newFolder();
    await writeFiles(folder, { "short.jsonl": '{"input_ids": [5]}\n{"input_ids": [7]}\n' });
    const short = join(folder, "short.jsonl");
    const refused = ["data", `role b (${short}): no token that is predicted has weight, so that there is no loss to take a gradient of`];
    const data = { tasks: [taskA(), { name: "b", source: short }] };
    await withBackend(async (backend) => {
      expect(await failureOf(() => run(fisher(data), join(folder, "out"), backend, {}, TOKENS))).toEqual(refused);
      expect(await failureOf(() => collectTo(join(folder, "stats"), { ...data, gradients: true }, backend))).toEqual(refused);
      expect(existsSync(partialFolder(join(folder, "out")))).toBe(false);
      await collectTo(join(folder, "stats"), data, backend); // norms can be taken of them
    });
  });
});
