import { existsSync, symlinkSync } from "node:fs";
import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { checkOutput, checkSpace, partialFolder, publish } from "../src/output.ts";
import { failureOf, newFolder, writeFiles } from "./support.ts";

it("works beside the output", () => {
  const names = ["out", "a/out/", "a/out/.", "a/b/../out", "./out"];
  expect(names.map(partialFolder)).toEqual(["out.partial", "a/out.partial", "a/out.partial", "a/out.partial", "out.partial"]);
});

describe("checkOutput", () => {
  it("refuses a mount point", async (context) => {
    const mounted = ["/dev/shm", "/proc", "/sys"].find((path) => existsSync(path));
    if (mounted === undefined) {
      console.warn("skipped: no mount point is known on this system");
      return context.skip();
    }
    const message = `--out ${mounted} is a mount point, which nothing can take the place of; a folder in it would do: give another`;
    expect(await failureOf(() => checkOutput(mounted, { model: "model", data: [] }, true))).toEqual(["usage", message]);
  });

  it("lets a new or empty folder pass, and a full one with force", async () => {
    const folder = await newFolder();
    await writeFiles(folder, { "model/config.json": {}, "full/x": "" });
    await mkdir(join(folder, "empty"));
    const inputs = { model: join(folder, "model"), data: [] };
    await checkOutput(join(folder, "new/deep"), inputs, false);
    await checkOutput(join(folder, "model-pruned"), inputs, false);
    await checkOutput(join(folder, "model/pruned"), inputs, false);
    await checkOutput(join(folder, "..out"), inputs, false);
    await checkOutput(join(folder, "empty"), inputs, false);
    await checkOutput(join(folder, "full"), inputs, true);
  });

  it("refuses what would destroy something", async () => {
    const folder = await newFolder();
    await writeFiles(folder, { "models/a/config.json": {}, "full/data.jsonl": "", file: "" });
    symlinkSync("models", join(folder, "link"));
    symlinkSync(join(folder, "models/a"), join(folder, "link-to-a"));
    symlinkSync("full/data.jsonl", join(folder, "data.jsonl"));
    symlinkSync("elsewhere", join(folder, "link-away"));
    const inputs = { model: join(folder, "models/a"), data: [join(folder, "data.jsonl")] };
    const refusals: [out: string, force: boolean, code: string, message: string][] = [
      ["models/a", true, "usage", "is the model's own folder: give another"],
      ["models/a/", true, "usage", "is the model's own folder: give another"],
      ["models/b/../a", true, "usage", "is the model's own folder: give another"],
      ["link/a", true, "usage", "is the model's own folder: give another"],
      ["link-to-a", true, "usage", "is the model's own folder: give another"],
      ["link-away", true, "usage", "is a link, which the model's folder would take the place of: give another"],
      ["link-away/", false, "usage", "is a link, which the model's folder would take the place of: give another"],
      ["models", true, "usage", "is a folder that holds the model: give another"],
      ["link", true, "usage", "is a folder that holds the model: give another"],
      ["full", true, "usage", `is a folder that holds the data ${folder}/data.jsonl: give another`],
      ["models/../full", false, "usage", `is a folder that holds the data ${folder}/data.jsonl: give another`],
    ];
    for (const [name, force, code, message] of refusals) {
      const out = `${folder}/${name}`;
      expect(await failureOf(() => checkOutput(out, inputs, force))).toEqual([code, `--out ${out} ${message}`]);
    }
    const elsewhere = { model: inputs.model, data: [] };
    const full = join(folder, "full");
    expect(await failureOf(() => checkOutput(full, elsewhere, false))).toEqual([
      "exists",
      `--out ${full} exists and is not empty: give another, or --force to replace it`,
    ]);
    expect(await failureOf(() => checkOutput(".", elsewhere, true))).toEqual([
      "usage",
      "--out . is the present folder, or one that holds it: give another",
    ]);
    const file = join(folder, "file");
    expect(await failureOf(() => checkOutput(file, elsewhere, true))).toEqual(["exists", `${file} is not a folder`]);
  });
});

describe("checkSpace", () => {
  it("counts what an unfinished run holds already", async () => {
    const out = join(await newFolder(), "out");
    await checkSpace(out, 1000);
    const huge = 2 ** 52; // more than a test is run on
    expect(await failureOf(() => checkSpace(out, huge))).toEqual([
      "io",
      expect.stringMatching(/out needs 4503599627370496 bytes more, the disk there has \d+ free$/),
    ]);
    await mkdir(join(partialFolder(out), "model"), { recursive: true });
    await writeFile(join(partialFolder(out), "model/a"), new Uint8Array(8192));
    await writeFile(join(partialFolder(out), "model/b"), "");
    await truncate(join(partialFolder(out), "model/b"), 8192); // laid out, not written
    expect(await failureOf(() => checkSpace(out, huge))).toEqual([
      "io",
      expect.stringMatching(new RegExp(`out needs ${huge - 8192} bytes more`)),
    ]);
  });
});

describe("publish", () => {
  it("puts the new folder in the place of the old one", async () => {
    const folder = await newFolder();
    const [out, partial] = [join(folder, "out"), join(folder, "out.partial")];
    await writeFiles(folder, { "out/old": "", "out.replaced/mine": "", "out.partial/model/new": "", "out.partial/journal.json": "" });
    await publish(partial, `${out}/`);
    expect([existsSync(join(out, "new")), existsSync(join(out, "old")), existsSync(partial)]).toEqual([true, false, false]);
    expect(existsSync(join(folder, "out.replaced/mine"))).toBe(true);
  });

  it("goes on where it was stopped between the two steps", async () => {
    const folder = await newFolder();
    await writeFiles(folder, { "out.partial/replaced/old": "", "out.partial/model/new": "", "out.partial/journal.json": "" });
    await publish(join(folder, "out.partial"), join(folder, "out"));
    expect([existsSync(join(folder, "out/new")), existsSync(join(folder, "out.partial"))]).toEqual([true, false]);
  });

  it("leaves the old folder in its place when it fails", async () => {
    const folder = await newFolder();
    await writeFiles(folder, { "out/old": "kept", "out.partial/journal.json": "" });
    expect(await failureOf(() => publish(join(folder, "out.partial"), join(folder, "out")))).toEqual([
      "io",
      `cannot give its name to ${folder}/out: no such file or folder`,
    ]);
    expect(await readFile(join(folder, "out/old"), "utf8")).toBe("kept");
  });
});
