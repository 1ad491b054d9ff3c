import { readdirSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { openPartial, writeJournal } from "../src/journal.ts";
import { failureOf, newFolder, writeFiles } from "./support.ts";

/** What an earlier run has finished; the folder is left to the next run. */
async function sectionsOf(partial: string, key: string, restart: boolean): Promise<readonly unknown[]> {
  const { sections, unlock } = await openPartial(partial, key, restart);
  await unlock();
  return sections;
}

const KEY = "sha256:1";

it("remembers what has been finished, for the same key", async () => {
  const partial = join(await newFolder(), "deep/out.partial");
  expect(await sectionsOf(partial, KEY, false)).toEqual([]);
  await mkdir(join(partial, "model"));
  await writeJournal(partial, { key: KEY, sections: [["a"], ["b"]] });
  expect(await sectionsOf(partial, KEY, false)).toEqual([["a"], ["b"]]);
  expect(await failureOf(() => sectionsOf(partial, "sha256:2", false))).toEqual([
    "exists",
    `${partial} holds an unfinished run of another recipe, model, data, plugin, provider or precision: finish that one, or give --restart to discard it`,
  ]);
  expect(await sectionsOf(partial, "sha256:2", true)).toEqual([]);
  expect(readdirSync(partial)).toEqual(["journal.json"]);
});

it("starts afresh where the output of an unfinished run is gone or nothing of it is finished", async () => {
  const partial = join(await newFolder(), "out.partial");
  await writeFiles(partial, { "journal.json": { key: KEY, sections: [["a"]] } });
  expect(await sectionsOf(partial, KEY, false)).toEqual([]);
  await writeFiles(partial, { "model/half": "" });
  expect(await sectionsOf(partial, KEY, false)).toEqual([]);
  expect(readdirSync(partial)).toEqual(["journal.json"]);
});

it.each<[what: string, files: Record<string, unknown>]>([
  ["an empty folder", {}],
  ["a journal that was not written to its end", { "journal.json.new": '{"key":"sha' }],
])("takes over %s", async (_, files) => {
  const partial = await newFolder();
  await writeFiles(partial, files);
  expect(await sectionsOf(partial, KEY, false)).toEqual([]);
});

it.each<[what: string, files: Record<string, unknown>]>([
  ["without a journal", { "thesis.txt": "years of work" }],
  ["with a model of somebody's", { "model/thesis.txt": "years of work" }],
  ["with a journal of something else", { "journal.json": { entries: [] }, "thesis.txt": "years of work" }],
  ["with a journal that is not JSON", { "journal.json": "Dear diary" }],
  ["with something beside a journal", { "journal.json": { key: KEY, sections: [] }, "thesis.txt": "years of work" }],
  ["with a folder called like the journal", { "journal.json/thesis.txt": "years of work" }],
])("refuses a folder %s, and leaves it as it is", async (_, files) => {
  const partial = await newFolder();
  await writeFiles(partial, files);
  const before = readdirSync(partial, { recursive: true });
  for (const restart of [false, true]) {
    expect(await failureOf(() => sectionsOf(partial, KEY, restart))).toEqual([
      "exists",
      `${partial} is in the way: it was not left by an unfinished run`,
    ]);
  }
  expect(readdirSync(partial, { recursive: true })).toEqual(before);
});

it("says why it cannot write", async () => {
  const folder = await newFolder();
  await writeFile(join(folder, "file"), "");
  expect(await failureOf(() => sectionsOf(join(folder, "file"), KEY, false))).toEqual(["exists", `${folder}/file is not a folder`]);
  expect(await failureOf(() => writeJournal(join(folder, "absent"), { key: KEY, sections: [] }))).toEqual([
    "io",
    `cannot write ${folder}/absent/journal.json: no such file or folder`,
  ]);
});
