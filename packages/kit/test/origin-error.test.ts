import { expect, it } from "vitest";
import { errorAt, placeOf } from "../src/index.ts";

const origin = { source: "data/a.jsonl", line: 7 };

it("names the place before what is wrong", () => {
  const cause = new Error("inner");
  expect(placeOf(origin)).toBe("data/a.jsonl, line 7");
  expect(placeOf({ source: "a.parquet", line: 7, unit: "row" })).toBe("a.parquet, row 7");
  expect(errorAt("data", origin, "no text", cause)).toMatchObject({
    code: "data",
    message: "data/a.jsonl, line 7: no text",
    where: { file: "data/a.jsonl", line: 7 },
    cause,
  });
});

it("says what is wrong alone where no origin is known", () => {
  const error = errorAt("internal", undefined, "no text");
  expect(error).toMatchObject({ code: "internal", message: "no text", where: {} });
  expect("cause" in error).toBe(false);
});
