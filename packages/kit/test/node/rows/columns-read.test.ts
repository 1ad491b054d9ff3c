import { expect, it } from "vitest";
import { columnsRead, namedColumns } from "../../../src/node.ts";

it.each([
  [{}, ["input_ids", "messages", "question", "choices", "answer", "prompt", "text"], []],
  [{ fields: { text: "body" } }, ["body"], ["body"]],
  [{ fields: { answer: "out.best" } }, ["question", "choices", "out.best", "prompt"], ["out.best"]],
  [{ template: "{a} {b.c}|||{a}" }, ["a", "b.c"], ["a", "b.c", "a"]],
  [{ template: { text: "{a|b.c}", parts: { d: "^(?<a>.)" } } }, ["a|b.c", "a", "b.c", "d"], ["a|b.c", "d"]],
  [
    { template: { prompt: "{q}", choices: "{c.text}", labels: "{c.label}", key: "{k}" } },
    ["q", "k", "c.text", "c.label"],
    ["q", "k", "c.text", "c.label"],
  ],
  [{ template: { prompt: "{q}", choices: ["{a}", "b"], labels: ["A", "B"], key: "{k}" } }, ["q", "k", "a"], ["q", "k", "a"]],
])("%o reads %o and names %o", (options, read, named) => {
  expect(columnsRead(options)).toEqual(read);
  expect(namedColumns(options)).toEqual(named);
});
