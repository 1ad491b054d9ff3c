import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { decodeSafetensors, safetensorsFiles } from "../src/index.ts";
import { expectError, newFolder } from "./support.ts";

const VALUES = tensor("F64", [2], Float64Array.of(Math.PI, -0));
const LAYOUT = new Map([
  ["b", { dtype: "F64", shape: [2] }],
  ["a", { dtype: "F64", shape: [2] }],
] as const);

describe("a file of tensors", () => {
  it("is written in any order and read back, metadata and all", async () => {
    const path = join(await newFolder(), "file");
    const sink = await safetensorsFiles.create(path, LAYOUT, { about: "ü" });
    await sink.write("a", VALUES);
    await sink.write("b", VALUES);
    expect(existsSync(path)).toBe(false);
    await sink.close();
    expect(await readdir(dirname(path))).toEqual(["file"]);
    const file = await safetensorsFiles.open(path);
    expect([file.metadata, [...file.tensors.keys()]]).toEqual([{ about: "ü" }, ["b", "a"]]);
    expect(await file.read("a")).toEqual(VALUES);
    await file.close();
    expect(decodeSafetensors(await readFile(path), path).tensors.get("b")).toEqual(VALUES);
  });

  it("is replaced only when that is asked for, and only once the new one is whole", async () => {
    const path = join(await newFolder(), "file");
    await writeFile(path, "old");
    await expectError(() => safetensorsFiles.create(path, LAYOUT, {}), "exists", `${path} exists already`);
    const sink = await safetensorsFiles.create(path, LAYOUT, {}, { force: true });
    await sink.write("a", VALUES);
    await expectError(() => sink.close(), "internal", `${path}: tensor "b": never written, as 1 of 2 tensors`);
    await sink.discard();
    expect([await readFile(path, "utf8"), await readdir(dirname(path))]).toEqual(["old", ["file"]]);
  });

  it("does not take the place of one that has come in the meantime", async () => {
    const path = join(await newFolder(), "file");
    const sink = await safetensorsFiles.create(path, LAYOUT, {});
    for (const name of LAYOUT.keys()) await sink.write(name, VALUES);
    await writeFile(path, "other");
    await expectError(() => sink.close(), "exists", `${path} exists already`);
  });

  it("begins anew where a killed run has left something", async () => {
    const path = join(await newFolder(), "file");
    await writeFile(`${path}.partial`, "half");
    const sink = await safetensorsFiles.create(path, LAYOUT, {});
    for (const name of LAYOUT.keys()) await sink.write(name, VALUES);
    await sink.close();
    expect(await readdir(dirname(path))).toEqual(["file"]);
  });

  it("is refused when it is not there, is a folder, or lacks a tensor", async () => {
    const folder = await newFolder();
    const missing = join(folder, "missing");
    await expectError(() => safetensorsFiles.open(missing), "not-found", `there is no file ${missing}`);
    await mkdir(join(folder, "folder"));
    await expectError(() => safetensorsFiles.open(join(folder, "folder")), "io", `cannot read ${join(folder, "folder")}: it is a folder`);
    const sink = await safetensorsFiles.create(join(folder, "file"), LAYOUT, {});
    for (const name of LAYOUT.keys()) await sink.write(name, VALUES);
    await expectError(() => sink.write("c", VALUES), "internal", `${join(folder, "file")}: tensor "c": not one of those laid out`);
    await sink.close();
    const file = await safetensorsFiles.open(join(folder, "file"));
    await expectError(() => file.read("c"), "not-found", `${join(folder, "file")} has no tensor "c"`);
    await file.close();
  });
});
