import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it } from "vitest";
import { SecateurError } from "../../src/index.ts";
import { errorCode, ioError } from "../../src/node.ts";
import { tempFolder } from "../temp-folder.ts";

async function caught(work: () => Promise<unknown>): Promise<unknown> {
  return work().then(
    () => undefined,
    (error: unknown) => error,
  );
}

it("says what the system answered, and where", async () => {
  const folder = tempFolder({ "sub/file": "" });
  const missing = await caught(() => readFile(join(folder, "none")));
  expect(errorCode(missing)).toBe("ENOENT");
  const error = ioError(missing, "read", "out/none", "a.weight");
  expect(error).toMatchObject({ code: "io", where: { file: "out/none", tensor: "a.weight" }, cause: missing });
  expect(error.message).toBe('cannot read out/none (tensor "a.weight"): no such file or folder');
  expect(ioError(await caught(() => writeFile(join(folder, "sub"), "")), "write", "sub").message).toBe("cannot write sub: it is a folder");
});

it("leaves an error alone that is one already, and takes what is none of the system's", () => {
  const error = ioError(new Error("odd"), "read", "f");
  expect(error.message).toBe("cannot read f: odd");
  expect(error).toBeInstanceOf(SecateurError);
  expect(ioError(error, "write", "g")).toBe(error);
  expect([errorCode(7), errorCode(new Error("odd")), ioError(7, "read", "f").message]).toEqual([undefined, undefined, "cannot read f: 7"]);
});
