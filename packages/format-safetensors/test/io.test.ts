import { existsSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { placeFile, withFile, writeAt } from "../src/io.ts";
import { expectError, folderOf } from "./support.ts";

const full = existsSync("/dev/full");
if (!full) console.warn("no /dev/full here: the test of a full disk is skipped");

describe("errors of the system", () => {
  it.skipIf(!full)("say that the disk is full, and keep their cause", async () => {
    const run = (): Promise<void> =>
      withFile("/dev/full", "r+", "write", "out/model.safetensors", (handle) => writeAt(handle, new Uint8Array(64), 0), "a.weight");
    const error = await expectError(run, "io", 'cannot write out/model.safetensors (tensor "a.weight"): no space left on the device');
    expect(error.where).toEqual({ file: "out/model.safetensors", tensor: "a.weight" });
    expect(error.cause).toMatchObject({ code: "ENOSPC" });
  });

  it("name the file", async () => {
    const path = await folderOf({ file: "x" });
    await expectError(
      () => withFile(`${path}/none`, "r", "read", "none", async () => {}),
      "io",
      "cannot read none: no such file or folder",
    );
    await expectError(() => placeFile(`${path}/file/x`, "x", async () => {}), "io", "cannot write x: a part of the path is not a folder");
  });
});
