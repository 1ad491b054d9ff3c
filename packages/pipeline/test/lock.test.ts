import { spawnSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { LOCK, lockFolder } from "../src/lock.ts";
import { failureOf, newFolder } from "./support.ts";

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
  for (const text of [JSON.stringify({ pid, host: hostname() }), ""]) {
    await writeFile(join(folder, LOCK), text);
    const unlock = await lockFolder(folder);
    expect(JSON.parse(await readFile(join(folder, LOCK), "utf8"))).toEqual({ pid: process.pid, host: hostname() });
    await unlock();
  }
});

it("leaves a lock of another machine alone", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, LOCK), JSON.stringify({ pid: 1, host: "elsewhere" }));
  const message = `another run (process 1 on elsewhere) is at work in ${folder}: wait for it, or give another --out`;
  expect(await failureOf(() => lockFolder(folder))).toEqual(["exists", message]);
});
