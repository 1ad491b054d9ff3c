import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { addProvider, installedProviders, listProviders, openRuntime, removeProvider } from "../src/index.ts";
import { failureOf, newFolder } from "./support.ts";
import { writeZip, type ZipEntry } from "./zip.ts";

const ort = openRuntime();
const LIBRARY = "provider/libonnxruntime_providers_test_plugin.so";

let folder = "";
let providers = "";
beforeEach(async () => {
  folder = await newFolder();
  providers = join(folder, "providers");
});

describe("adding a provider", () => {
  it.each<[what: string, entries: readonly ZipEntry[], code: string, message: RegExp]>([
    ["a path outside of its folder", [{ name: "../out.so", text: "x" }], "format", /no wheel that can be unpacked: .*\.\.\/out\.so/],
    [
      "a path outside, further in",
      [{ name: "a/../../out.so", text: "x" }],
      "format",
      /no wheel that can be unpacked: .*a\/\.\.\/\.\.\/out\.so/,
    ],
    ["an absolute path", [{ name: "/tmp/out.so", text: "x" }], "format", /no wheel that can be unpacked: .*\/tmp\/out\.so/],
    ["a path as Windows has them", [{ name: "..\\out.so", text: "x" }], "format", /no wheel that can be unpacked: .*out\.so/],
    [
      "a symbolic link",
      [{ name: "link", text: "/etc", mode: 0o120777 }],
      "format",
      /no wheel that can be unpacked: link is a symbolic link$/,
    ],
    [
      "no library",
      [{ name: "a/readme.txt", text: "x" }],
      "format",
      /holds no library of a provider \(onnxruntime_providers_….so, .dylib or .dll\)$/,
    ],
    ["several libraries", [LIBRARY, LIBRARY.replace("test", "other")].map((name) => ({ name, text: "x" })), "format", /holds several: /],
    [
      "a library that is none",
      [{ name: LIBRARY, text: "no library" }],
      "format",
      /^the provider test does not load: .* cannot be registered as a provider: /,
    ],
  ])("refuses a wheel with %s, and leaves nothing", async (_, entries, code, message) => {
    const wheel = join(folder, "test.whl");
    await writeZip(wheel, entries);
    expect(await failureOf(() => addProvider(ort, wheel, { folder: providers }))).toEqual([code, expect.stringMatching(message)]);
    expect([await readdir(providers), (await readdir(folder)).sort(), existsSync("/tmp/out.so")]).toEqual([
      [],
      ["providers", "test.whl"],
      false,
    ]);
  });

  it("refuses what is no wheel, and one that was cut short", async () => {
    const wheel = join(folder, "test.whl");
    await writeFile(wheel, "no wheel");
    expect(await failureOf(() => addProvider(ort, wheel, { folder: providers }))).toEqual([
      "format",
      expect.stringMatching(/no wheel that can be unpacked/),
    ]);
    await writeZip(wheel, [{ name: LIBRARY, text: "x".repeat(1000) }]);
    const bytes = await readFile(wheel);
    await writeFile(wheel, Buffer.concat([bytes.subarray(0, 100), bytes.subarray(600)]));
    expect(await failureOf(() => addProvider(ort, wheel, { folder: providers }))).toEqual([
      "format",
      expect.stringMatching(/no wheel that can be unpacked/),
    ]);
    expect(await failureOf(() => addProvider(ort, join(folder, "none.whl"), { folder: providers }))).toEqual([
      "not-found",
      `there is no file ${folder}/none.whl`,
    ]);
    expect(await readdir(providers)).toEqual([]);
  });

  it("refuses a library that is no provider, names that mean something else, and a place that it cannot write", async () => {
    expect(await failureOf(() => addProvider(ort, ort.library, { folder: providers }))).toEqual([
      "format",
      expect.stringMatching(/^the provider libonnxruntime-so-1 does not load: /),
    ]);
    for (const name of ["cpu", "auto", "../x", "", "A"]) {
      expect(await failureOf(() => addProvider(ort, ort.library, { folder: providers, name }))).toEqual([
        "usage",
        `${JSON.stringify(name)} is no name for a provider: small letters, digits and hyphens, and not cpu or auto`,
      ]);
    }
    await writeFile(join(folder, "file"), "");
    expect(await failureOf(() => addProvider(ort, ort.library, { folder: join(folder, "file", "providers") }))).toEqual([
      "io",
      `cannot write ${folder}/file/providers: a part of the path is not a folder`,
    ]);
    await mkdir(join(providers, "taken"));
    expect(await failureOf(() => addProvider(ort, ort.library, { folder: providers, name: "taken" }))).toEqual([
      "exists",
      "a provider taken is there already: remove it first, or replace it by force",
    ]);
    expect(await readdir(providers)).toEqual(["taken"]);
  });

  const wheel = process.env.SECATEUR_TEST_WHEEL;
  if (wheel === undefined) console.warn("the test on a real provider's wheel is skipped: SECATEUR_TEST_WHEEL names none");
  it.skipIf(wheel === undefined)("takes a real wheel, or says that its hardware is not here", async () => {
    const adding = addProvider(ort, wheel ?? "", { folder: providers, name: "real" });
    const outcome = await adding.then(
      ({ provider }) => provider,
      (error: Error) => error.message,
    );
    if (typeof outcome === "string") {
      expect(outcome).toMatch(/^the provider real has no device on this machine: what it supports is not here \(found: cpu/);
      expect(await readdir(providers)).toEqual([]);
      return;
    }
    expect(await installedProviders(providers)).toEqual([outcome]);
    expect(outcome.sha256).toMatch(/^[0-9a-f]{64}$/);
    expect((await listProviders(ort, providers)).map(({ name }) => name)).toEqual(["cpu", "real"]);
    await removeProvider(providers, "real");
    expect(await readdir(providers)).toEqual([]);
  });
});

describe("a folder of providers", () => {
  it("may be missing, or hold other things", async () => {
    expect(await installedProviders(providers)).toEqual([]);
    await mkdir(join(providers, ".partial"), { recursive: true });
    expect((await listProviders(ort, providers)).map(({ name, devices }) => [name, devices.length])).toEqual([["cpu", 1]]);
    expect(await failureOf(() => removeProvider(providers, "openvino"))).toEqual([
      "not-found",
      'there is no provider "openvino"; there are cpu',
    ]);
  });

  it("says what is wrong with a provider in it, and removes it all the same", async () => {
    const place = join(providers, "bad");
    await mkdir(place, { recursive: true });
    await mkdir(join(providers, "stray"));
    await writeFile(join(providers, "strayfile"), "");
    const problemOf = async (): Promise<string | undefined> => (await listProviders(ort, providers))[1]?.problem;
    await writeFile(join(place, "provider.json"), "{");
    const remedy = "; remove it and add it again";
    expect(await problemOf()).toBe(`the provider bad is damaged: ${place}/provider.json is no record of one${remedy}`);
    await writeFile(join(place, "provider.json"), JSON.stringify({ library: "gone.so", source: "gone.whl", sha256: "0" }));
    expect(await problemOf()).toBe(`the provider bad does not load: there is no file ${place}/gone.so`);
    await writeFile(join(place, "lib.so"), "short");
    const files = { "lib.so": 6, other: 0 };
    await writeFile(join(place, "provider.json"), JSON.stringify({ library: "lib.so", source: "gone.whl", sha256: "0", files }));
    expect(await problemOf()).toBe(`the provider bad is damaged: ${place}/lib.so has 5 bytes instead of 6${remedy}`);
    expect((await installedProviders(providers)).map(({ name }) => name)).toEqual(["bad"]);
    await removeProvider(providers, "bad");
    expect(await failureOf(() => removeProvider(providers, "cpu"))).toEqual([
      "usage",
      "cpu is ONNX Runtime's own provider: it cannot be removed",
    ]);
    expect((await readdir(providers)).sort()).toEqual(["stray", "strayfile"]);
  });

  it("is rid of what a process has left that is gone, and gets back what it was about to replace", async () => {
    const gone = `.${2 ** 22 + 1}-0-0.partial`;
    await mkdir(join(providers, gone), { recursive: true });
    await mkdir(join(providers, `${gone}.kept.old`));
    await mkdir(join(providers, `.${process.pid}-0-0.partial`));
    expect((await failureOf(() => addProvider(ort, ort.library, { folder: providers })))[0]).toBe("format");
    expect((await readdir(providers)).sort()).toEqual([`.${process.pid}-0-0.partial`, "kept"]);
  });

  it("is left as it was by an addition that is stopped", async () => {
    const wheel = join(folder, "test.whl");
    await writeZip(wheel, [{ name: LIBRARY, text: "x" }]);
    const adding = addProvider(ort, wheel, { folder: providers, signal: AbortSignal.abort() });
    expect((await failureOf(() => adding))[0]).toBe("cancelled");
    expect(await readdir(folder)).toEqual(["test.whl"]);
  });
});
