import { expect, test } from "vitest";
import type { Format, Loader } from "../../src/index.ts";
import { formatFor, loaderFor } from "../../src/node.ts";
import { tempFolder } from "../temp-folder.ts";

const loader = (name: string, ...extensions: string[]): Loader => ({ name, summary: `${name}.`, extensions, async *load() {} });
const text = loader("text", ".txt", ".md");
const jsonl = loader("jsonl", ".jsonl", ".json");
const chat = loader("chat", ".chat.jsonl");
const packed = loader("packed", ".jsonl.gz");

test.each([
  ["a.txt", "text"],
  ["dir.jsonl/A.MD", "text"],
  ["a.jsonl", "jsonl"],
  ["a.chat.jsonl", "chat"],
  ["a.jsonl.gz", "packed"],
  ["a.chat.jsonl.gz", "packed"],
  ["a.txt.GZ", "text"],
])("%s is read by %s", (source, name) => {
  expect(loaderFor([text, jsonl, chat, packed], source).name).toBe(name);
});

test.each([
  ["a.csv", "no loader reads a.csv: the endings that are known are .json, .jsonl, .md, .txt"],
  ["a.gz", "no loader reads a.gz: the endings that are known are .json, .jsonl, .md, .txt"],
  ["txt", "no loader reads txt: the endings that are known are .json, .jsonl, .md, .txt"],
])("%s is refused", (source, message) => {
  expect(() => loaderFor([text, jsonl], source)).toThrow(
    expect.objectContaining({ code: "unsupported", message, where: { file: source } }),
  );
});

const format = (name: string, ending: string): Format => ({
  name,
  summary: `${name}.`,
  probe: async (source) => source.endsWith(ending),
  open: async () => Promise.reject(new Error("not opened in this test")),
  create: async () => Promise.reject(new Error("not written in this test")),
});

test("the first format that knows a model reads it", async () => {
  const formats = [format("a", ".a"), format("ba", "b.a"), format("b", ".b")];
  expect((await formatFor(formats, "x/b.a")).name).toBe("a");
  expect((await formatFor(formats, "x.b")).name).toBe("b");
});

test("a model that no format knows is refused, and one that is not there differently", async () => {
  const folder = tempFolder({ "model/readme.md": "" });
  await expect(formatFor([format("a", ".a"), format("b", ".b")], `${folder}/model`)).rejects.toMatchObject({
    code: "format",
    message: `${folder}/model is no model of a format that is known (a, b)`,
  });
  await expect(formatFor([], `${folder}/none`)).rejects.toMatchObject({
    code: "not-found",
    message: `no model at ${folder}/none: there is no such file or folder`,
  });
});
