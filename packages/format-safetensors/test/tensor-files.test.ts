import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
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

  it("leaves nothing under either name when it cannot be written, and can be given up", async () => {
    const folder = await newFolder();
    const path = join(folder, "file");
    const sink = await safetensorsFiles.create(path, LAYOUT, {});
    await rm(`${path}.partial`);
    await expectError(() => sink.write("a", VALUES), "io", `cannot write ${path} (tensor "a"): no such file or folder`);
    await sink.discard();
    await expectError(
      () => safetensorsFiles.create(join(folder, "no", "file"), LAYOUT, {}),
      "io",
      `cannot write ${join(folder, "no", "file")}: no such file or folder`,
    );
    const huge = new Map([["huge", { dtype: "F64", shape: [2 ** 40, 100] }]] as const);
    const failure = await safetensorsFiles.create(path, huge, {}).catch((error: unknown) => error);
    const message = expect.stringMatching(/file needs \d+ bytes, the disk there has \d+ free$/);
    expect(failure).toMatchObject({ code: "io", message });
    expect(await readdir(folder)).toEqual([]);
  });

  it("does not take the place of a folder, nor work where one is in the way", async () => {
    const folder = await newFolder();
    const path = join(folder, "file");
    await mkdir(path);
    await expectError(() => safetensorsFiles.create(path, LAYOUT, {}, { force: true }), "exists", `${path} exists already and is a folder`);
    await mkdir(join(folder, "other.partial"));
    const other = join(folder, "other");
    await expectError(
      () => safetensorsFiles.create(other, LAYOUT, {}),
      "io",
      `cannot remove what is unfinished of ${other}: it is a folder`,
    );
  });

  it("that was written twice, or in another form than it was laid out, is refused", async () => {
    const path = join(await newFolder(), "file");
    const sink = await safetensorsFiles.create(path, LAYOUT, {});
    await sink.write("a", VALUES);
    await expectError(() => sink.write("a", VALUES), "internal", `${path}: tensor "a": written twice`);
    const single = tensor("F32", [2], Float32Array.of(1, 2));
    const wanted = `${path}: tensor "b": it came as F32 of shape [2], wanted F64 of shape [2]`;
    await expectError(() => sink.write("b", single), "internal", wanted);
    await sink.discard();
  });

  const entry = (begin: number, end: number): string => `{"dtype":"F64","shape":[1],"data_offsets":[${begin},${end}]}`;
  it.each<[what: string, json: string, message: string]>([
    ["a name twice", `{"a":${entry(0, 8)},"a":${entry(8, 16)}}`, 'the header is not valid JSON at byte 62: the key "a" is there twice'],
    ["overlapping ranges", `{"a":${entry(0, 8)},"b":${entry(4, 12)}}`, 'tensor "b": its data begins at 4, inside that of tensor "a"'],
    [
      "data past the end",
      `{"a":${entry(0, 8)},"b":${entry(8, 16)},"c":${entry(16, 24)}}`,
      'tensor "c": the file is truncated: it has 16 of the 24 bytes of data that its header describes',
    ],
    [
      "an absurd size",
      '{"a":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,16]}}',
      'tensor "a": its shape [4294967296, 4294967296] has more elements than can be counted',
    ],
    ["metadata that is no text", '{"__metadata__":{"about":1}}', '__metadata__ has 1 under "about", wanted a string'],
  ])("is refused for a header with %s", async (_, json, message) => {
    const path = join(await newFolder(), "file");
    const bytes = Buffer.concat([Buffer.alloc(8), Buffer.from(json), Buffer.alloc(16)]);
    bytes.writeBigUInt64LE(BigInt(json.length));
    await writeFile(path, bytes);
    await expectError(() => safetensorsFiles.open(path), "format", `${path}: ${message}`);
  });
});
