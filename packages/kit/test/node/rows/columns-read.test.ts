import { expect, it } from "vitest";
import { columnsRead, namedColumns } from "../../../src/node.ts";

it.each([
  [{}, ["input_ids", "messages", "question", "choices", "answer", "prompt", "text"], []],
  [{ fields: { text: "body" } }, ["body"], ["body"]],
  [{ fields: { answer: "out.best" } }, ["question", "choices", "out.best", "prompt"], ["out.best"]],
  [{ template: "{a} {b.c}|||{a}" }, ["a", "b.c", "a"], ["a", "b.c", "a"]],
])("%o reads %o and names %o", (options, read, named) => {
  expect(columnsRead(options)).toEqual(read);
  expect(namedColumns(options)).toEqual(named);
});
