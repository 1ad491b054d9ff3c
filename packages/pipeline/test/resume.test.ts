import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { safetensors } from "@secateur/format-safetensors";
import type { Backend, Format } from "@secateur/kit";
import { beforeAll, describe, expect, it } from "vitest";
import { type PruneEvent, partialFolder, type RecipeInput } from "../src/index.ts";
import { run } from "./run.ts";
import {
  copyGolden,
  failureOf,
  filesOf,
  goldenRecipe,
  newFolder,
  randomLlama,
  randomRows,
  taskA,
  withBackend,
  writeFiles,
} from "./support.ts";

const TOKENS = 64; // a run of the backend holds two rows, so that a block takes several

/** A format whose sink calls back before each tensor that is written. */
function watched(onWrite: (name: string) => void): Format {
  return {
    ...safetensors,
    async create(target, source, options) {
      const sink = await safetensors.create(target, source, options);
      return {
        ...sink,
        write(name, tensor) {
          onWrite(name);
          return sink.write(name, tensor);
        },
      };
    },
  };
}

/** Runs until `when` says so of an event or a tensor about to be written, then cancels. */
async function runUntil(input: RecipeInput, out: string, backend: Backend, when: (at: PruneEvent | string) => boolean): Promise<void> {
  const stop = new AbortController();
  const look = (at: PruneEvent | string): void => {
    if (when(at)) stop.abort();
  };
  const options = { emit: look, format: watched(look), signal: stop.signal };
  expect(await failureOf(() => run(input, out, backend, options, TOKENS))).toEqual(["cancelled", "the run was cancelled"]);
  expect(existsSync(out)).toBe(false);
}

const isEvent = <Type extends PruneEvent["type"]>(at: PruneEvent | string, type: Type): at is Extract<PruneEvent, { type: Type }> =>
  typeof at !== "string" && at.type === type;
const blockEnds = (block: number) => (at: PruneEvent | string) => isEvent(at, "block") && at.block === block;
const inPhase = (phase: string, block: number) => (at: PruneEvent | string) =>
  isEvent(at, "progress") && at.phase === phase && at.block === block;
const beforeWriting = (tensor: string) => (at: PruneEvent | string) => at === `model.layers.${tensor}.weight`;

describe.each(["block", "linear", "none"] as const)("an interrupted run in mode %s", (propagate) => {
  const recipe = goldenRecipe("llama", { tasks: [taskA()], propagate });
  let whole: Record<string, string>;
  beforeAll(async () => {
    const out = join(await newFolder(), "whole");
    await withBackend((backend) => run(recipe, out, backend, {}, TOKENS));
    whole = filesOf(out);
    expect(Object.keys(whole).sort()).toEqual(["config.json", "model.safetensors", "secateur.json"].concat(goldenSideFiles()).sort());
  });

  const places: [string, (at: PruneEvent | string) => boolean, resumed: number][] = [
    ["in the first block", inPhase("calibrate", 0), 0],
    ["after the first block", blockEnds(0), 1],
    ["while it collects for the second block", inPhase("calibrate", 1), 1],
    ["between two tensors of the second block", beforeWriting("1.mlp.gate_proj"), 1],
    ["after the second block", blockEnds(1), 2],
    ["between two tensors of the last block", beforeWriting("2.mlp.up_proj"), 2],
    ["after the last block", blockEnds(2), 3],
  ];
  if (propagate === "block") places.push(["on the way to the third block", inPhase("propagate", 1), 2]);

  it.each(places)("that stops %s goes on and gives the same bytes", async (_, when, resumed) => {
    await withBackend(async (backend) => {
      const out = join(await newFolder(), "out");
      await runUntil(recipe, out, backend, when);
      const events: PruneEvent[] = [];
      await run(recipe, out, backend, { emit: (event) => events.push(event) }, TOKENS);
      expect(filesOf(out)).toEqual(whole);
      expect(existsSync(partialFolder(out))).toBe(false);
      const blocks = events.filter((event) => event.type === "block");
      expect(blocks.map((event) => event.resumed)).toEqual([0, 1, 2].map((block) => block < resumed));
      expect(JSON.parse(readFileSync(join(out, "run.json"), "utf8")).resumedSections).toBe(resumed);
    });
  });

  it("can be stopped again and again", async () => {
    await withBackend(async (backend) => {
      const out = join(await newFolder(), "out");
      for (const when of [blockEnds(0), beforeWriting("1.self_attn.o_proj"), blockEnds(1), blockEnds(2)]) {
        await runUntil(recipe, out, backend, when);
      }
      await run(recipe, out, backend, {}, TOKENS);
      expect(filesOf(out)).toEqual(whole);
    });
  });

  it("that was killed goes on and gives the same bytes", async () => {
    const out = join(await newFolder(), "out");
    const child = fileURLToPath(new URL("./killed-run.ts", import.meta.url));
    const root = fileURLToPath(new URL("../../..", import.meta.url));
    const options = [
      "--conditions",
      "source",
      "--import",
      "tsx",
      child,
      JSON.stringify({ recipe, out, tokens: TOKENS, tensor: "model.layers.1.mlp.up_proj.weight" }),
    ];
    const { signal, stderr } = spawnSync(process.execPath, options, { cwd: root, encoding: "utf8" });
    expect([signal, stderr]).toEqual(["SIGKILL", ""]);
    expect([existsSync(out), existsSync(partialFolder(out))]).toEqual([false, true]);
    await withBackend((backend) => run(recipe, out, backend, {}, TOKENS));
    expect(filesOf(out)).toEqual(whole);
  });
});

/** The golden folder's other files, which are copied as any model's are. */
function goldenSideFiles(): string[] {
  return ["calibration.jsonl", "inputs.json", "task-a.jsonl"];
}

describe("what a run finds", () => {
  it("leaves nothing behind when it stops before the first block", async () => {
    await withBackend(async (backend) => {
      const out = join(await newFolder(), "out");
      await runUntil(goldenRecipe("llama"), out, backend, (at) => isEvent(at, "progress") && at.phase === "check");
      expect(existsSync(partialFolder(out))).toBe(false);
    });
  });

  it("does not go on with a run of another recipe, data, model or version", async () => {
    await withBackend(async (backend) => {
      const folder = await newFolder();
      const out = join(folder, "out");
      const recipe = goldenRecipe("llama");
      await runUntil(recipe, out, backend, blockEnds(1));
      const before = filesOf(partialFolder(`${out}`).concat("/model"));
      const other = await copyGolden("llama", {
        "config.json": { ...JSON.parse(readFileSync(join(recipe.model, "config.json"), "utf8")), rms_norm_eps: 0.001 },
      });
      const refusal = [
        "exists",
        `${out}.partial holds an unfinished run of another recipe, model, data, plugin, provider or precision: finish that one, or give --restart to discard it`,
      ];
      for (const change of [{ sparsity: 0.6 }, { general: [taskA()].map(({ source }) => ({ source })) }, { model: other }]) {
        expect(await failureOf(() => run({ ...recipe, ...change }, out, backend, {}, TOKENS))).toEqual(refusal);
      }
      expect(await failureOf(() => run(recipe, out, backend, { version: "0.0.1" }, TOKENS))).toEqual(refusal);
      expect(filesOf(`${partialFolder(out)}/model`)).toEqual(before);
      // The same data under another name, and the same model elsewhere, are the same run.
      await writeFiles(folder, { "same.jsonl": readFileSync(join(recipe.model, "calibration.jsonl")) });
      const model = await copyGolden("llama");
      await run({ ...recipe, model, general: [{ source: join(folder, "same.jsonl") }] }, out, backend, {}, TOKENS);
      expect(JSON.parse(readFileSync(join(out, "run.json"), "utf8")).resumedSections).toBe(2);
    });
  });

  it("discards an unfinished run when it is told to", async () => {
    await withBackend(async (backend) => {
      const out = join(await newFolder(), "out");
      await runUntil(goldenRecipe("llama"), out, backend, blockEnds(1));
      const manifest = await run(goldenRecipe("llama", { sparsity: 0.25 }), out, backend, { restart: true }, TOKENS);
      expect(manifest.sparsity.ratio).toBe(0.25);
      expect(JSON.parse(readFileSync(join(out, "run.json"), "utf8")).resumedSections).toBe(0);
    });
  });

  it("survives a model with a file that is called like the journal", async () => {
    await withBackend(async (backend) => {
      const model = await copyGolden("llama", { "journal.json": '{"mine":true}' });
      const out = join(await newFolder(), "out");
      await runUntil(goldenRecipe("llama", { model }), out, backend, blockEnds(0));
      await run(goldenRecipe("llama", { model }), out, backend, {}, TOKENS);
      expect(readFileSync(join(out, "journal.json"), "utf8")).toBe('{"mine":true}');
    });
  });
});

describe("a full disk", () => {
  const mount = (): string | undefined => {
    const folder = resolve(process.env.TMPDIR ?? "/tmp", `secateur-small-disk-${process.pid}`);
    try {
      mkdirSync(folder);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], { stdio: "ignore" });
      return folder;
    } catch {
      rmSync(folder, { recursive: true, force: true });
      return undefined;
    }
  };

  it("ends a run with an error, and after making space the same run gives the same bytes", async (context) => {
    const disk = mount();
    if (disk === undefined) {
      console.warn("skipped: no small disk can be mounted here, that takes an administrator's rights on Linux");
      return context.skip();
    }
    try {
      await withBackend(async (backend) => {
        const folder = await newFolder();
        const model = join(folder, "model");
        // Large enough that its tensors, and not only small files, meet the end of the disk.
        await randomLlama(model, { hidden: 64, ffn: 192, blocks: 4, heads: 4, kvHeads: 2, vocabulary: 128, positions: 64 });
        await writeFiles(folder, { "data.jsonl": randomRows(2, 32, 128) });
        const recipe = { model, general: [{ source: join(folder, "data.jsonl") }], sparsity: 0.5 };
        await run(recipe, join(folder, "whole"), backend);

        const out = join(disk, "out");
        const filler = join(disk, "filler");
        const fill = (event: PruneEvent): void => {
          if (blockEnds(1)(event)) writeFileSync(filler, new Uint8Array(freeBytes(disk)));
        };
        expect(await failureOf(() => run(recipe, out, backend, { emit: fill }))).toEqual([
          "io",
          `cannot write ${out}.partial/model/model.safetensors (tensor "model.layers.2.self_attn.q_proj.weight"): no space left on the device`,
        ]);
        expect(existsSync(out)).toBe(false);
        expect(await failureOf(() => run(recipe, out, backend))).toEqual([
          "io",
          expect.stringMatching(/\/out needs \d+ bytes more, the disk there has \d+ free$/),
        ]);
        rmSync(filler);
        await run(recipe, out, backend);
        expect(filesOf(out)).toEqual(filesOf(join(folder, "whole")));
        // The second block was on its way into the journal when there was no more room.
        expect(JSON.parse(readFileSync(join(out, "run.json"), "utf8")).resumedSections).toBe(1);
      });
    } finally {
      execFileSync("umount", [disk]);
      rmSync(disk, { recursive: true });
    }
  });
});

function freeBytes(folder: string): number {
  const { bavail, bsize } = statfsSync(folder);
  return bavail * bsize;
}
