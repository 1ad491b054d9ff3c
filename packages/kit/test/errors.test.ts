import { expect, test } from "vitest";
import { type ErrorCode, isUserError, SecateurError, throwIfCancelled } from "../src/index.ts";

test("an error carries its code, place and cause", () => {
  const cause = new Error("short read");
  const error = new SecateurError("io", "a.safetensors ends at byte 7", { where: { file: "a.safetensors", byte: 7 }, cause });
  expect(error).toBeInstanceOf(Error);
  expect(error).toMatchObject({ name: "SecateurError", code: "io", where: { file: "a.safetensors", byte: 7 }, cause });
});

test("without a place and a cause there are none", () => {
  const error = new SecateurError("usage", "no");
  expect(error.where).toEqual({});
  expect("cause" in error).toBe(false);
});

test("the errors of another copy of the package are this one's errors too", async () => {
  const copy: typeof import("../src/errors.ts") = await import(
    /* @vite-ignore */ `${new URL("../src/errors.ts", import.meta.url).href}?copy`
  );
  expect(copy.SecateurError).not.toBe(SecateurError);
  const theirs = new copy.SecateurError("unsupported", "no", { where: { tensor: "w" } });
  expect(theirs).toBeInstanceOf(SecateurError);
  expect(isUserError(theirs)).toBe(true);
  expect(copy.isUserError(new SecateurError("usage", "no"))).toBe(true);
});

test("a class that extends the error keeps apart from it", () => {
  class Hinted extends SecateurError {}
  expect(new Hinted("usage", "no")).toBeInstanceOf(SecateurError);
  expect(new Hinted("usage", "no")).toBeInstanceOf(Hinted);
  expect(new SecateurError("usage", "no")).not.toBeInstanceOf(Hinted);
});

const codes: Record<ErrorCode, boolean> = {
  usage: true,
  input: true,
  "not-found": true,
  format: true,
  data: true,
  unsupported: true,
  exists: true,
  plugin: true,
  numeric: false,
  backend: false,
  io: false,
  internal: false,
  cancelled: false,
};

test.each(Object.entries(codes) as [ErrorCode, boolean][])("%s is the user's: %s", (code, expected) => {
  expect(isUserError(new SecateurError(code, "x"))).toBe(expected);
});

test.each([new Error("usage"), { code: "usage" }, undefined, "usage"])("%s is no user error", (error) => {
  expect(isUserError(error)).toBe(false);
});

test("an aborted signal throws, with its reason as the cause", () => {
  const controller = new AbortController();
  throwIfCancelled(undefined);
  throwIfCancelled(controller.signal);
  const reason = new Error("Ctrl-C");
  controller.abort(reason);
  expect(() => throwIfCancelled(controller.signal)).toThrow(expect.objectContaining({ code: "cancelled", cause: reason }));
});
