import { CommandError } from "@secateur/engine";
import { SecateurError } from "@secateur/kit";
import { expect, test } from "vitest";
import { errorText, exitCodeOf } from "../src/errors.ts";

test.each([
  [new SecateurError("usage", "u"), 2],
  [new SecateurError("data", "d"), 2],
  [new CommandError({ code: "exists", message: "e" }), 2],
  [new SecateurError("io", "i"), 1],
  [new SecateurError("backend", "b"), 1],
  [new TypeError("t"), 1],
  ["a string", 1],
  [new SecateurError("cancelled", "c"), 130],
] as const)("%s ends with %i", (error, code) => {
  expect(exitCodeOf(error)).toBe(code);
});

test("an error is one line with its advice below, and its stack only when asked for", () => {
  const error = new CommandError({ code: "data", message: "no rows", stack: "the stack" }, ["give more"]);
  expect(errorText(error, false)).toBe("error: no rows\n  give more\n");
  expect(errorText(error, true)).toBe("error: no rows\n  give more\nthe stack\n");
  expect(errorText(new CommandError({ code: "cancelled", message: "interrupted" }), false)).toBe("interrupted\n");
  expect(errorText(new TypeError("x is undefined"), false)).toBe("error: x is undefined\n  SECATEUR_DEBUG=1 shows where this arose\n");
});
