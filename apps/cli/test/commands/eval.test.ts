import { expect, test } from "vitest";
import { evalRequest } from "../../src/commands/eval.ts";
import { field } from "../../src/flags.ts";

test("flags make a request", () => {
  const request = evalRequest("m", { data: "d.jsonl", field: [field("prompt=q")], template: "{q}|||{a}", metric: "answers", threads: 1 });
  expect(request).toEqual({
    model: "m",
    data: "d.jsonl",
    fields: { prompt: "q" },
    template: "{q}|||{a}",
    metric: "answers",
    seqLen: undefined,
    samples: undefined,
    backend: "onnxruntime",
    backendOptions: { threads: 1 },
  });
});

test("a task template is a template, and one of the two is given", () => {
  expect(evalRequest("m", { data: "d.csv", taskTemplate: "mmlu" }).template).toBe("mmlu");
  const both = { data: "d.csv", taskTemplate: "mmlu", template: "{a}" };
  const message = "--template and --task-template are given: give one";
  expect(() => evalRequest("m", both)).toThrow(expect.objectContaining({ code: "usage", message }));
});

test("a field with a role is refused", () => {
  const message = "--field a:text=b: eval reads one source and has no roles, write text=b";
  expect(() => evalRequest("m", { data: "d", field: [field("a:text=b")] })).toThrow(expect.objectContaining({ code: "usage", message }));
});
