import { expect, test } from "vitest";
import { reportOf } from "../src/errors.ts";

test("what the system refuses is told as such, with the file", () => {
  const error = Object.assign(new Error("ENOSPC: no space left on device, write"), { syscall: "write", path: "out" });
  expect(reportOf(error)).toMatchObject({ code: "io", message: error.message, where: { file: "out" } });
});
