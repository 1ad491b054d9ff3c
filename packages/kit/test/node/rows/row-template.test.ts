import { describe, expect, test } from "vitest";
import type { RowTemplate } from "../../../src/index.ts";
import { rowReader } from "../../../src/node/rows/row-reader.ts";

const origin = { source: "a.jsonl", line: 7 };
const read = (template: RowTemplate, row: Record<string, unknown>) => rowReader({ template })(row, origin);

const LETTERS: RowTemplate = { prompt: "{question}\nA. {A}\nB. {B}\nAnswer:", choices: [" A", " B"], key: "{answer}", trim: ["question"] };
const LISTS: RowTemplate = {
  prompt: "Question: {question}",
  choices: " {choices.text|choices}",
  labels: "{choices.label}",
  key: "{answerKey|answer}",
};
const LAST: RowTemplate = { prompt: "{context}", answer: " {last}", parts: { text: "^(?<context>[^]*) (?<last>[^ ]+)$" } };

describe("a template in parts", () => {
  test.each<[RowTemplate, Record<string, unknown>, unknown]>([
    [{ text: "{a}\n{b}" }, { a: "x", b: 1 }, { kind: "text", text: "x\n1" }],
    [{ text: "{a}" }, { a: "" }, undefined],
    [
      { prompt: "{a}:", answer: " {b}" },
      { a: "x", b: "y" },
      { kind: "answer", prompt: "x:", answer: " y" },
    ],
    [
      { prompt: "{a}", answer: "{b}", stop: ["\n"], counts: "#### (.*)" },
      { a: "x", b: "y" },
      { kind: "answer", prompt: "x", answer: "y", stop: ["\n"], counts: "#### (.*)" },
    ],
    [
      LETTERS,
      { question: " Why? ", A: " no", B: "yes", answer: "B" },
      { kind: "choices", prompt: "Why?\nA.  no\nB. yes\nAnswer:", choices: [" A", " B"], answer: 1 },
    ],
    [
      LETTERS,
      { question: "Why?", A: "no", B: "yes", answer: 0 },
      { kind: "choices", prompt: "Why?\nA. no\nB. yes\nAnswer:", choices: [" A", " B"], answer: 0 },
    ],
    [
      LISTS,
      { question: "Why?", choices: { text: ["no", "yes"], label: ["1", "2"] }, answerKey: "1" },
      { kind: "choices", prompt: "Question: Why?", choices: [" no", " yes"], answer: 0 },
    ],
    [
      LISTS,
      { question: "Why?", choices: ["no", "yes"], answer: 1 },
      { kind: "choices", prompt: "Question: Why?", choices: [" no", " yes"], answer: 1 },
    ],
    [
      { prompt: "{q}", choices: ["{a}", "{b}"], labels: ["one", "two"], key: "{k}" },
      { q: "?", a: "x", b: "\ud83d", k: "two" },
      { kind: "choices", prompt: "?", choices: ["x", "\uFFFD"], answer: 1 },
    ],
    [LAST, { text: "the  very last\nword here" }, { kind: "answer", prompt: "the  very last\nword", answer: " here" }],
    [LAST, { context: "the last", last: "word" }, { kind: "answer", prompt: "the last", answer: " word" }],
    [LAST, { text: "the last word", last: "one" }, { kind: "answer", prompt: "the last", answer: " one" }],
    [{ text: "{a|b}" }, { b: "y" }, { kind: "text", text: "y" }],
    [{ text: "{a|b.c}" }, { a: "x", b: { c: "y" } }, { kind: "text", text: "x" }],
    [{ text: "{a|b}" }, { "a|b": "z", a: "x" }, { kind: "text", text: "z" }],
  ])("%o reads %o", (template, row, wanted) => {
    expect(read(template, row)).toEqual(wanted);
  });

  test.each<[RowTemplate, string]>([
    [{}, "neither text nor prompt is given"],
    [{ prompt: "{a}" }, "a prompt is given, and neither answer nor choices"],
    [{ answer: "{a}" }, "neither text nor prompt is given"],
    [{ prompt: "{a}", choices: "{b}" }, "choices are given, and no key that says which is right"],
    [{ prompt: "{a}", choices: "{b}", key: "{c}", answer: "{d}" }, "answer is given beside choices, with which it says nothing"],
    [{ prompt: "{a}", choices: "{b}", key: "{c}", stop: ["x"] }, "stop is given beside choices, with which it says nothing"],
    [{ prompt: "{a}", answer: "{b}", labels: ["A"] }, "labels is given beside answer, with which it says nothing"],
    [{ text: "{a}", counts: "x" }, "counts is given beside text, with which it says nothing"],
    [{ text: "plain" }, 'no {column} in "plain", so every row would be the same'],
    [{ prompt: "Why?", answer: "{a}" }, 'no {column} in "Why?", so every row would be the same'],
    [{ prompt: "{a}|||", answer: "{b}" }, '||| stands in "{a}|||", which is one part of a template'],
    [{ prompt: "{a", answer: "{b}" }, "a single { at character 1, write {{ for a brace"],
    [
      { prompt: "{a}", choices: "{b}{c}", key: "{d}" },
      'choices is "{b}{c}", a text with one {column}, which holds a list, or a list of texts was wanted',
    ],
    [
      { prompt: "{a}", choices: "{b}", labels: "A", key: "{d}" },
      'labels is "A", a text with one {column}, which holds a list, or a list of texts was wanted',
    ],
    [
      { prompt: "{a}", answer: "{b}", counts: "(" },
      expect.stringContaining('counts is "(", a regular expression was wanted (') as unknown as string,
    ],
    [{ text: "{a}", parts: { b: "[" } }, expect.stringContaining('parts.b is "[", a regular expression was wanted (') as unknown as string],
  ])("%o is refused", (template, message) => {
    const wanted = typeof message === "string" ? `template: ${message}` : message;
    expect(() => rowReader({ template })).toThrow(expect.objectContaining({ code: "usage", message: wanted }));
  });

  test.each<[RowTemplate, Record<string, unknown>, string]>([
    [{ text: "{a|b}" }, { c: "x" }, 'the template\'s column "a|b" is missing, the row has "c"'],
    [LISTS, { question: "Why?", answer: 1 }, 'the template\'s column "choices.text|choices" is missing, the row has "question", "answer"'],
    [LISTS, { question: "Why?", choices: ["no"], answer: 0 }, "1 choices were found, two or more were wanted"],
    [
      LISTS,
      { question: "Why?", choices: "no", answer: 0 },
      'the template\'s column "choices.text|choices" is the text "no", an array of texts was wanted',
    ],
    [
      LISTS,
      { question: "Why?", choices: ["no", "yes"], answer: 2 },
      'the key of the right choice is "2", a place from 0 to 1, or one of "no", "yes" was wanted',
    ],
    [
      LETTERS,
      { question: "Why?", A: "no", B: "yes", answer: "C" },
      'the key of the right choice is "C", a place from 0 to 1, or one of "A", "B" was wanted',
    ],
    [
      LISTS,
      { question: "Why?", choices: { text: ["no", "yes"], label: ["A", "B"] }, answerKey: "0" },
      'the key of the right choice is "0", one of "A", "B" was wanted',
    ],
    [LAST, { text: "word" }, '"text" is the text "word", which does not fit the template\'s pattern ^(?<context>[^]*) (?<last>[^ ]+)$'],
    [LAST, { body: "word" }, 'the template\'s column "context" is missing, the row has "body"'],
  ])("%o refuses %o", (template, row, message) => {
    expect(() => read(template, row)).toThrow(expect.objectContaining({ code: "data", message: `a.jsonl, line 7: ${message}` }));
  });

  test("goes with no fields", () => {
    expect(() => rowReader({ template: { text: "{a}" }, fields: { text: "a" } })).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
