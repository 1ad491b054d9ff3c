import { expect, it } from "vitest";
import { read, testFolder } from "./support.ts";

const { write } = testFolder();
const ROWS = ["a", "b", "c", "d", "e"].map((q, i) => ({ q, a: `${i}` }));

it("reads a source without a template, or with a text, as its loader does", async () => {
  const source = write("a.jsonl", [{ question: "Why?", answer: "So." }]);
  expect((await read({ source })).documents).toEqual([{ kind: "answer", prompt: "Question: Why?\nAnswer:", answer: " So." }]);
  expect((await read({ source, template: "{answer}" })).documents).toEqual([{ kind: "text", text: "So." }]);
  expect((await read({ source, fields: { text: "answer" } })).documents).toEqual([{ kind: "text", text: "So." }]);
});

it("takes examples from the file itself, before rows that are for the purpose", async () => {
  const source = write("a.jsonl", ROWS);
  const template = write("t.json", {
    prompt: "{q}?",
    answer: " {a}",
    rows: { calibrate: { from: 2, to: 4 }, evaluate: { from: 4 } },
    fewShot: { count: 2, rows: { to: 2 }, separator: "\n" },
  });
  const documents = (q: string, a: string) => ({ kind: "answer", prompt: `a? 0\nb? 1\n${q}?`, answer: ` ${a}` });
  expect((await read({ source, template }, "calibrate")).documents).toEqual([documents("c", "2"), documents("d", "3")]);
  expect((await read({ source, template }, "evaluate")).documents).toEqual([documents("e", "4")]);
});

it("leaves empty rows as they are where they are kept", async () => {
  const source = write("a.jsonl", [...ROWS, { q: "", a: "" }]);
  const template = write("t.json", { prompt: "{q}", answer: "{a}", fewShot: { count: 1 } });
  expect((await read({ source, template }, "evaluate", true)).documents.at(-1)).toEqual({ kind: "text", text: "" });
});

it("finds no examples in running text", async () => {
  const source = write("a.jsonl", ROWS);
  const template = write("t.json", { text: "{q}", fewShot: { count: 1 } });
  await expect(read({ source, template })).rejects.toMatchObject({
    code: "data",
    message: `${source}: 0 examples were found, 1 are put before each prompt`,
  });
});

it("goes with no fields, and with no plain text", async () => {
  const source = write("a.jsonl", ROWS);
  await expect(read({ source, template: "gsm8k", fields: { question: "q" } })).rejects.toMatchObject({ code: "usage" });
  await expect(read({ source: write("a.txt", "text\n"), template: "gsm8k" })).rejects.toMatchObject({ code: "usage" });
});
