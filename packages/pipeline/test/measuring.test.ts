import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { evaluate } from "@secateur/evaluate";
import { safetensors } from "@secateur/format-safetensors";
import { describeModel } from "@secateur/models";
import { createEngine } from "@secateur/runner";
import { describe, expect, it } from "vitest";
import { type Manifest, type MeasureInput, type PruneEvent, parseRecipe, planPrune, prune, type RecipeInput } from "../src/index.ts";
import { goldenFolder } from "./golden-cases.ts";
import { collectTo, partsOf, run } from "./run.ts";
import { failureOf, newFolder, withBackend, writeFiles } from "./support.ts";

const MODEL = goldenFolder("llama");

/** Rows of token ids, none of which is in another list that begins elsewhere. */
const rowsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, r) => ({ input_ids: Array.from({ length: 16 }, (_, t) => 3 + ((first + r * 7 + t * t) % 90)) }));

async function data(): Promise<string> {
  const folder = await newFolder();
  await writeFiles(folder, { "general.jsonl": rowsFrom(0, 6), "other.jsonl": rowsFrom(3, 5), "both.jsonl": rowsFrom(14, 8) });
  return folder;
}

const recipeOf = (folder: string): RecipeInput => ({
  model: MODEL,
  general: [{ source: join(folder, "general.jsonl") }],
  sparsity: 0.5,
  backend: "reference",
});

function measureOf(folder: string, ...files: readonly string[]): MeasureInput {
  return { evaluate: files.map((file) => ({ name: file.replace(".jsonl", ""), source: join(folder, file) })), evaluateSamples: 4 };
}

async function measured(recipe: RecipeInput, measure: MeasureInput, out: string, onEvent?: (event: PruneEvent) => void): Promise<Manifest> {
  return withBackend(async (backend) => {
    const parts = await partsOf(recipe, 64);
    const plan = await planPrune(parseRecipe(recipe), parts, { path: out, force: false }, measure);
    try {
      return await prune(plan, { out, format: parts.format, backend, version: "0.0.0", ...(onEvent && { emit: onEvent }) });
    } finally {
      await plan.close();
    }
  });
}

/** The figures of a model alone, by what `evaluate` says. */
async function figuresOf(source: string, rows: readonly { readonly input_ids: readonly number[] }[]): Promise<number> {
  return withBackend(async (backend) => {
    const model = await safetensors.open(source);
    const engine = createEngine(model, describeModel(model), backend);
    try {
      const documents = rows.map(({ input_ids: ids }, i) => ({ kind: "ids" as const, ids, origin: { source: "", line: i + 1 } }));
      const { nll } = (await evaluate(engine, () => expect.fail("no tokenizer is asked for"), documents, { seqLen: 64 })) as {
        nll: number;
      };
      return nll;
    } finally {
      await engine.release();
      await model.close();
    }
  });
}

describe("a prune that is measured", () => {
  it("tells the model's figures before and after, and the same bytes as one that is not", async () => {
    const folder = await data();
    const events: PruneEvent[] = [];
    const out = join(folder, "measured");
    const { quality, measure, ...manifest } = await measured(recipeOf(folder), measureOf(folder, "other.jsonl"), out, (event) =>
      events.push(event),
    );
    const [other] = quality ?? [];
    expect(other).toMatchObject({ name: "other", documents: 4, hash: expect.stringMatching(/^sha256:/) });
    const source = relative(process.cwd(), join(folder, "other.jsonl"));
    expect(measure).toEqual({ evaluate: [{ name: "other", source }], evaluateSamples: 4 });
    const rows = rowsFrom(3, 4);
    expect(other?.before).toMatchObject({ metric: "perplexity", nll: await figuresOf(MODEL, rows) });
    expect(other?.after).toMatchObject({ metric: "perplexity", nll: await figuresOf(out, rows) });
    expect(other?.before).not.toHaveProperty("losses");
    expect(other?.after).not.toEqual(other?.before);
    const plain = await withBackend((backend) => run(recipeOf(folder), join(folder, "plain"), backend, {}, 64));
    expect(manifest).toEqual(plain);
    const shares = events.flatMap((event) => (event.type === "measure" ? [[event.variant, event.data, event.share]] : []));
    expect(shares.at(-1)).toEqual(["pruned", "other", 1]);
    expect(new Set(shares.map(([variant]) => variant))).toEqual(new Set(["dense", "pruned"]));
  });

  it("says which data there was to measure on before anything is computed", async () => {
    const folder = await data();
    const recipe = recipeOf(folder);
    const plan = await planPrune(parseRecipe(recipe), await partsOf(recipe, 64), undefined, measureOf(folder, "other.jsonl"));
    await plan.close();
    expect(plan.summary.evaluation).toMatchObject([{ name: "other", documents: 4, heldOut: false }]);
  });

  it.each<[what: string, file: string, code: string, message: RegExp]>([
    [
      "rows that it was pruned with",
      "general.jsonl",
      "data",
      /this row is calibration data of the role general too .* give other rows with --eval general=FILE/,
    ],
    ["some of these among others", "both.jsonl", "data", /as are \d of the 4 rows that both is measured on/],
    ["a file that is not there", "absent.jsonl", "not-found", /absent\.jsonl/],
  ])("is not begun on %s", async (_, file, code, message) => {
    const folder = await data();
    const out = join(folder, "out");
    const [found, text] = await failureOf(() => measured(recipeOf(folder), measureOf(folder, file), out));
    expect([found, text]).toEqual([code, expect.stringMatching(message)]);
    expect([existsSync(out), existsSync(`${out}.partial`)]).toEqual([false, false]);
  });

  it("does not take its output's place for data to measure on", async () => {
    const folder = await data();
    const out = join(folder, "other.jsonl");
    const [code] = await failureOf(() => measured(recipeOf(folder), measureOf(folder, "other.jsonl"), out));
    expect(code).toBe("usage");
  });

  it("from kept statistics says that nobody knows their rows", async () => {
    const folder = await data();
    const stats = join(folder, "stats.safetensors");
    await withBackend((backend) => collectTo(stats, {}, backend));
    const { general: _, ...recipe } = recipeOf(folder);
    const { quality, warnings } = await measured({ ...recipe, stats }, measureOf(folder, "other.jsonl"), join(folder, "out"));
    expect(quality).toHaveLength(1);
    expect(warnings).toEqual([expect.stringMatching(/do not tell their rows/)]);
  });
});
