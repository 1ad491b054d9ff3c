import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { readFile, stat, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { safetensors } from "@secateur/format-safetensors";
import type { Format } from "@secateur/kit";
import { expect, it } from "vitest";
import { partialFolder } from "../src/index.ts";
import { LOCK, lockFolder } from "../src/lock.ts";
import { run } from "./run.ts";
import { failureOf, goldenRecipe, newFolder, withBackend } from "./support.ts";

it("holds a folder until it is handed back", async () => {
  const folder = await newFolder();
  const unlock = await lockFolder(folder);
  const message = `another run (process ${process.pid}) is at work in ${folder}: wait for it, or give another --out`;
  expect(await failureOf(() => lockFolder(folder))).toEqual(["exists", message]);
  await unlock();
  await (await lockFolder(folder))();
});

it("takes over from a process that is gone, and from a lock that was not finished", async () => {
  const folder = await newFolder();
  const { pid } = spawnSync(process.execPath, ["--version"]);
  const earlier = { pid: process.pid, host: hostname(), began: -1 }; // of the same number, as in a container that was started again
  for (const text of [JSON.stringify({ pid, host: hostname() }), JSON.stringify(earlier), ""]) {
    await writeFile(join(folder, LOCK), text);
    const unlock = await lockFolder(folder);
    expect(JSON.parse(await readFile(join(folder, LOCK), "utf8"))).toEqual({
      pid: process.pid,
      host: hostname(),
      began: expect.any(Number),
    });
    await unlock();
  }
});

it("leaves a lock of another machine alone", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, LOCK), JSON.stringify({ pid: 1, host: "elsewhere" }));
  const message = `another run (process 1 on elsewhere) is at work in ${folder}: wait for it, or give another --out`;
  expect(await failureOf(() => lockFolder(folder))).toEqual(["exists", message]);
});

it("stays until the last tensor of a run that has failed is written", async () => {
  const out = join(await newFolder(), "out");
  const stop = new AbortController();
  const locked: boolean[] = [];
  const slow: Format = {
    ...safetensors,
    async create(...args) {
      const sink = await safetensors.create(...args);
      return {
        ...sink,
        async write(...written) {
          stop.abort();
          for (let i = 0; i < 200; i++) await stat(partialFolder(out)); // longer than a run takes to end
          await sink.write(...written);
          locked.push(existsSync(join(partialFolder(out), LOCK)));
        },
      };
    },
  };
  const work = () => withBackend((backend) => run(goldenRecipe("llama"), out, backend, { format: slow, signal: stop.signal }));
  expect(await failureOf(work)).toEqual(["cancelled", "the run was cancelled"]);
  expect(locked).toEqual([true]);
});
