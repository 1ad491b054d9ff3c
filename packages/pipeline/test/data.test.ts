import { readdirSync } from "node:fs";
import { join } from "node:path";
import { encodeSafetensors } from "@secateur/format-safetensors";
import type { Loader, LoadReport } from "@secateur/kit";
import { type Tensor, toFloat32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { parseRecipe, planPrune } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { partsOf, run } from "./run.ts";
import {
  copyGolden,
  failureOf,
  filesOf,
  goldenRecipe,
  letterTokenizer,
  newFolder,
  randomRows,
  taskA,
  tensorsOf,
  withBackend,
  writeFiles,
} from "./support.ts";

describe("roles and data", () => {
  it("does not depend on the order of rows or the size of batches", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const random = [5, 50, 3, 21, 34, 8].flatMap((tokens, i) => randomRows(1, tokens, 96, i));
      await writeFiles(folder, { "a.jsonl": random, "b.jsonl": random.toReversed() });
      const masks = [];
      for (const [data, tokens] of [
        ["a", 1],
        ["a", 400],
        ["b", 100],
        ["b", 60],
      ] as const) {
        const out = join(folder, `${data}${tokens}`);
        await run(goldenRecipe("llama", { general: [{ source: join(folder, `${data}.jsonl`) }] }), out, backend, {}, tokens);
        masks.push(filesOf(out)["model.safetensors"]);
      }
      expect(new Set(masks).size).toBe(1);
    });
  });

  it("with prompts of weight 0 prunes as for answers alone", async () => {
    await withBackend(async (backend) => {
      const model = await copyGolden("llama", {
        ...letterTokenizer(),
        "data.jsonl": [
          { prompt: "a b c", answer: "d e f g" },
          { prompt: "q r s t u v w x", answer: "y z" },
          { prompt: "k l", answer: "m" },
        ],
      });
      const recipe = { model, general: [{ source: join(model, "data.jsonl") }], sparsity: 0.5, fusion: "general" };
      const weights = [];
      const masks = [];
      for (const promptWeight of [0, 1]) {
        const parsed = parseRecipe({ ...recipe, promptWeight });
        const plan = await planPrune(parsed, await partsOf(parsed, 512), undefined);
        await plan.close();
        weights.push(plan.data[0]?.sequences.map((sequence) => [...sequence.weights]));
        const out = join(await newFolder(), "out");
        const manifest = await run(parsed, out, backend);
        expect(manifest.data[0]).toMatchObject({ rows: 3, sequences: 3, endToken: { id: 1, text: "</s>" } });
        masks.push(filesOf(out)["model.safetensors"]);
      }
      expect(weights[0]).toEqual([
        [0, 0, 0, 1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1],
        [0, 0, 1, 1],
      ]);
      expect(weights[1]?.flat().every((weight) => weight === 1)).toBe(true);
      expect(masks[0]).not.toBe(masks[1]);
    });
  });

  it.each<[fusion: string, weights: Record<string, number>, roles: [string, number][]]>([
    [
      "shared-exclusive",
      {},
      [
        ["general", 0.5],
        ["a", 0.5],
      ],
    ],
    ["shared-exclusive", { a: 0 }, [["general", 1]]],
    ["shared-exclusive", { general: 0 }, [["a", 1]]],
    ["general", { a: 1 }, [["general", 1]]],
    ["general", {}, [["general", 1]]],
    ["task", {}, [["a", 1]]],
    ["task", { general: 1 }, [["a", 1]]],
    [
      "mixture",
      { general: 0.25 },
      [
        ["general", 0.25],
        ["a", 0.75],
      ],
    ],
  ])("with fusion %s and weights %j reads only whose data counts", async (fusion, weights, roles) => {
    const read: string[] = [];
    const recipe = parseRecipe(goldenRecipe("llama", { tasks: [taskA()], fusion, weights }));
    const parts = await partsOf(recipe, 512);
    const loaders = parts.loaders.map((loader): (typeof parts.loaders)[number] => ({
      ...loader,
      load: (source, ...rest) => {
        read.push(source.includes("task-a") ? "a" : "general");
        return loader.load(source, ...rest);
      },
    }));
    const plan = await planPrune(recipe, { ...parts, loaders }, undefined);
    await plan.close();
    expect(read).toEqual(roles.map(([role]) => role));
    expect([...plan.weights]).toEqual(roles);
  });

  it("leaves out a task of weight 0 among others", async () => {
    const out = join(await newFolder(), "out");
    const recipe = goldenRecipe("llama", { tasks: [taskA("a"), taskA("b")], fusion: "task", weights: { b: 0 } });
    const manifest = await withBackend((backend) => run(recipe, out, backend));
    expect(manifest.data.map(({ role, weight }) => [role, weight])).toEqual([["a", 1]]);
  });

  it("prunes by magnitude without data", async () => {
    const out = join(await newFolder(), "out");
    const recipe = { model: goldenFolder("llama"), scorer: "magnitude", sparsity: 0.5 };
    const manifest = await withBackend((backend) => run(recipe, out, backend));
    expect([manifest.data, manifest.sparsity.ratio]).toEqual([[], 0.5]);
  });

  it("reports the zeros that are in the file where channels are dead", async () => {
    const model = await copyGolden("llama");
    const tensors = tensorsOf(model);
    // Norm weights of 0 kill three quarters of the channels that q, k and v read.
    tensors.get("model.layers.0.input_layernorm.weight")?.data.fill(0 as never, 12);
    (tensors.get("model.layers.0.self_attn.v_proj.weight") as Tensor).data.fill(0 as never, 0, 48 * 20);
    await writeFiles(model, { "model.safetensors": encodeSafetensors(tensors, {}) });
    const out = join(await newFolder(), "out");
    const manifest = await withBackend((backend) => run(goldenRecipe("llama", { model }), out, backend));
    const layers = new Map(manifest.tensors.map((layer) => [layer.tensor, layer]));
    expect(layers.get("model.layers.0.self_attn.q_proj.weight")).toMatchObject({ zerosBefore: 0, zeros: 48 * 24, ties: 48 * 24 });
    expect(layers.get("model.layers.0.self_attn.v_proj.weight")).toMatchObject({ zerosBefore: 48 * 20, zeros: 48 * 20 + 4 * 24 });
    let [zeros, of] = [0, 0];
    for (const [name, tensor] of tensorsOf(out)) {
      if (!layers.has(name)) continue;
      const count = toFloat32(tensor).filter((value) => value === 0).length;
      expect([name, count]).toEqual([name, layers.get(name)?.zeros]);
      [zeros, of] = [zeros + count, of + tensor.data.length];
    }
    expect(manifest.sparsity).toEqual({ zeros, of, ratio: zeros / of });
  });
});

describe("a loader that does not keep its contract", () => {
  async function failureWith(load: (source: string, report: LoadReport) => unknown): Promise<[string, string]> {
    const folder = await newFolder();
    const recipe = parseRecipe(goldenRecipe("llama", { general: [{ source: join(folder, "x.odd") }] }));
    const odd = {
      name: "odd",
      summary: "what it likes",
      extensions: [".odd"],
      load: (source, _, report) => load(source, report),
    } as Loader;
    const parts = { ...(await partsOf(recipe, 64)), loaders: [odd] };
    const out = join(folder, "out");
    const [code, message] = await failureOf(async () => {
      const plan = await planPrune(recipe, parts, { path: out, force: false });
      await plan.close();
    });
    expect(readdirSync(folder)).toEqual([]);
    return [code, message.replaceAll(folder, "FOLDER")];
  }
  const row = (source: string, line: number, rest: object): object => ({ kind: "ids", ids: [1, 2, 3], origin: { source, line }, ...rest });

  it.each<[what: string, load: (source: string, report: LoadReport) => unknown, message: string]>([
    ["throws", () => Promise.reject(new Error("no luck")), "loader odd failed on FOLDER/x.odd: no luck"],
    [
      "throws between rows",
      async function* (source) {
        yield row(source, 7, {});
        throw new Error("no more");
      },
      "loader odd failed on FOLDER/x.odd after line 7: no more",
    ],
    [
      "gives what is no document",
      (source) => [row(source, 1, {}), row(source, 2, { ids: "5 6" })],
      'loader odd gave a document that has the ids "5 6", wanted an array (document 2 of FOLDER/x.odd)',
    ],
    ["gives nothing", () => undefined, "loader odd gave no documents of FOLDER/x.odd, wanted an async iterable"],
    [
      "cannot count",
      (source, report) => {
        report.rows = Number.NaN;
        return [row(source, 1, {})];
      },
      "loader odd counted NaN rows of FOLDER/x.odd, wanted a whole number from 0",
    ],
  ])("%s", async (_, load, message) => {
    expect(await failureWith(load)).toEqual(["plugin", message]);
  });
});
