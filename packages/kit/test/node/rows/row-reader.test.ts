import { describe, expect, test } from "vitest";
import { rowReader } from "../../../src/node/rows/row-reader.ts";

const origin = { source: "a.jsonl", line: 7 };
const SHAPES =
  "the shapes are input_ids; messages; question + choices + answer; question + answer; prompt + choices + answer; prompt + answer; text";

describe("rows by their keys", () => {
  test.each([
    [{ text: "a" }, { kind: "text", text: "a" }],
    [
      { text: " a\n", url: "x" },
      { kind: "text", text: " a\n" },
    ],
    [
      { prompt: "1 + 1 =", answer: " 2" },
      { kind: "answer", prompt: "1 + 1 =", answer: " 2" },
    ],
    [
      { question: "Why?", answer: "So." },
      { kind: "answer", prompt: "Question: Why?\nAnswer:", answer: " So." },
    ],
    [
      { question: "Why?", choices: ["a", "b"], answer: 1 },
      { kind: "choices", prompt: "Question: Why?\nAnswer:", choices: [" a", " b"], answer: 1 },
    ],
    [
      { prompt: "x", choices: ["a", "b"], answer: 0 },
      { kind: "choices", prompt: "x", choices: ["a", "b"], answer: 0 },
    ],
    [{ messages: [{ role: "user", content: "a", name: "x" }] }, { kind: "messages", messages: [{ role: "user", content: "a" }] }],
    [
      { input_ids: [0, 5], text: "a" },
      { kind: "ids", ids: [0, 5] },
    ],
    // The first shape in order wins, and a null is no value.
    [
      { text: "a", messages: [{ role: "user", content: "b" }] },
      { kind: "messages", messages: [{ role: "user", content: "b" }] },
    ],
    [
      { text: "a", messages: null, input_ids: null },
      { kind: "text", text: "a" },
    ],
    [
      { question: "Why?", choices: null, answer: "So." },
      { kind: "answer", prompt: "Question: Why?\nAnswer:", answer: " So." },
    ],
    [
      { prompt: "x", answer: "\ud83d" },
      { kind: "answer", prompt: "x", answer: "\uFFFD" },
    ],
    [{ text: "" }, undefined],
    [{ prompt: "", answer: "" }, undefined],
  ])("%o", (row, wanted) => {
    expect(rowReader({})(row, origin)).toEqual(wanted);
  });

  test.each([
    [{ text: 5 }, '"text" is the number 5, a text was wanted'],
    [{ text: null }, '"text" is null, a text was wanted'],
    [{ text: ["a"] }, '"text" is an array of 1, a text was wanted'],
    [{ text: {} }, '"text" is an object, a text was wanted'],
    [{ text: true }, '"text" is the boolean true, a text was wanted'],
    [{}, `no shape of a row fits, the row has none, ${SHAPES}`],
    [{ body: "a", "the url": "b" }, `no shape of a row fits, the row has "body", "the url", ${SHAPES}`],
    [{ question: "a" }, `no shape of a row fits, the row has "question", ${SHAPES}`],
    [{ input_ids: [] }, '"input_ids" is an empty array, an array of token ids was wanted'],
    [{ input_ids: "1 2" }, '"input_ids" is the text "1 2", an array of token ids was wanted'],
    [{ input_ids: [1, -1] }, '"input_ids" is an array with the number -1 at item 2, an array of whole numbers from 0 on was wanted'],
    [{ input_ids: [1.5] }, '"input_ids" is an array with the number 1.5 at item 1, an array of whole numbers from 0 on was wanted'],
    [{ input_ids: [1, "2"] }, '"input_ids" is an array with the text "2" at item 2, an array of whole numbers from 0 on was wanted'],
    [
      { input_ids: [2 ** 53] },
      '"input_ids" is an array with the number 9007199254740992 at item 1, an array of whole numbers from 0 on was wanted',
    ],
    [{ input_ids: [[1]] }, '"input_ids" is an array with an array of 1 at item 1, an array of whole numbers from 0 on was wanted'],
    [{ messages: [] }, '"messages" is an empty array, an array of {role, content}, both texts, was wanted'],
    [{ messages: "hi" }, '"messages" is the text "hi", an array of {role, content}, both texts, was wanted'],
    [
      { messages: [{ role: "user", content: "a" }, { role: "assistant" }] },
      '"messages" is an array whose item 2 is not of that form, an array of {role, content}, both texts, was wanted',
    ],
    [{ messages: [null] }, '"messages" is an array whose item 1 is not of that form, an array of {role, content}, both texts, was wanted'],
    [
      { question: "a", choices: { text: ["a", "b"], label: ["A", "B"] }, answer: 0 },
      '"choices" is an object, an array of two texts or more was wanted',
    ],
    [{ question: "a", choices: ["a"], answer: 0 }, '"choices" is an array of 1, an array of two texts or more was wanted'],
    [
      { question: "a", choices: ["a", "b"], answer: 2 },
      '"answer" is the number 2, the place of the right choice, a number from 0 to 1, was wanted',
    ],
    [
      { question: "a", choices: ["a", "b"], answer: "A" },
      '"answer" is the text "A", the place of the right choice, a number from 0 to 1, was wanted',
    ],
    [
      { prompt: "a", choices: ["a", "b", "c"], answer: -1 },
      '"answer" is the number -1, the place of the right choice, a number from 0 to 2, was wanted',
    ],
    [{ question: "a", answer: 5 }, '"answer" is the number 5, a text was wanted'],
    [{ prompt: 5, answer: "a" }, '"prompt" is the number 5, a text was wanted'],
    [{ text: JSON.parse('{"__proto__": 1}') }, '"text" is an object, a text was wanted'],
  ])("%o is refused", (row, message) => {
    expect(() => rowReader({})(row, origin)).toThrow(
      expect.objectContaining({ code: "data", message: `a.jsonl, line 7: ${message}`, where: { file: "a.jsonl", line: 7 } }),
    );
  });
});

describe("fields", () => {
  test.each([
    [{ text: "body" }, { body: "a", text: 5 }, { kind: "text", text: "a" }],
    [{ text: "body" }, { body: "a", question: "b", answer: "c" }, { kind: "text", text: "a" }],
    [{ answer: "solution" }, { question: "b", solution: "c" }, { kind: "answer", prompt: "Question: b\nAnswer:", answer: " c" }],
    [
      { prompt: "query", answer: "out.best" },
      { query: "b", out: { best: "c" } },
      { kind: "answer", prompt: "b", answer: "c" },
    ],
    [{ text: "a.b" }, { "a.b": "x", a: { b: "y" } }, { kind: "text", text: "x" }],
    [
      { choices: "choices.text", answer: "gold" },
      { question: "q", choices: { text: ["a", "b"] }, gold: 0 },
      { kind: "choices", prompt: "Question: q\nAnswer:", choices: [" a", " b"], answer: 0 },
    ],
  ])("%o reads %o", (fields, row, wanted) => {
    expect(rowReader({ fields })(row, origin)).toEqual(wanted);
  });

  test.each([
    [
      { txt: "body" },
      'fields: "txt" is no standard key, those are "input_ids", "messages", "question", "choices", "answer", "prompt", "text"',
    ],
    [{ text: "a", answer: "b" }, `fields: no shape of a row has "text", "answer" together, ${SHAPES}`],
  ])("%o are refused at once", (fields, message) => {
    expect(() => rowReader({ fields })).toThrow(expect.objectContaining({ code: "usage", message }));
  });

  test.each([
    [{ text: "body" }, { text: "a" }, 'the column "body" (text) is missing, the row has "text"'],
    [{ text: "body" }, { body: 5 }, '"body" is the number 5, a text was wanted'],
    [{ answer: "gold" }, { gold: "x" }, `no shape of a row fits, the row has "gold", ${SHAPES}`],
  ])("%o refuse %o", (fields, row, message) => {
    expect(() => rowReader({ fields })(row, origin)).toThrow(
      expect.objectContaining({ code: "data", message: `a.jsonl, line 7: ${message}` }),
    );
  });
});

describe("templates", () => {
  test("without ||| a row is text, with it an answer", () => {
    expect(rowReader({ template: "{a} {b}" })({ a: "x", b: 5 }, origin)).toEqual({ kind: "text", text: "x 5" });
    expect(rowReader({ template: "{text}\\n|||{code}" })({ text: "Add.", code: "x\r\ny" }, origin)).toEqual({
      kind: "answer",
      prompt: "Add.\n",
      answer: "x\r\ny",
    });
  });

  test("a row for which all of it is empty has no content", () => {
    expect(rowReader({ template: "{a}" })({ a: "" }, origin)).toBeUndefined();
    expect(rowReader({ template: "{a}|||{b}" })({ a: "", b: [] }, origin)).toBeUndefined();
    expect(rowReader({ template: "{a}|||{b}" })({ a: "", b: "x" }, origin)).toEqual({ kind: "answer", prompt: "", answer: "x" });
  });

  test("with fields beside it is refused", () => {
    expect(() => rowReader({ template: "{a}", fields: { text: "a" } })).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
