import { cpSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Answering, type AnswerRequest, createAnswering, type Told } from "../../src/index.ts";

const DEMO = resolve(import.meta.dirname, "../../../cli/demo");
const LIMITS = { readingMs: 30_000, idleMs: 300_000 };

let folder: string;
let answering: Answering;

beforeAll(() => {
  // The process begins with the flags of this one, and a test's process has none for TypeScript.
  process.execArgv.push("--conditions", "source", "--import", pathToFileURL(createRequire(import.meta.url).resolve("tsx")).href);
  folder = mkdtempSync(join(tmpdir(), "secateur-serving-"));
  for (const name of ["one", "two", "three", "slow"]) cpSync(DEMO, join(folder, name), { recursive: true });
});
afterEach(() => answering.end());
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function request(model: string, changes: Partial<AnswerRequest> = {}): AnswerRequest {
  const prompt = { kind: "texts", texts: ["48 + 76 ="] } as const;
  const drawing = { temperature: 0, topP: 1, seed: 1 };
  return {
    model: join(folder, model),
    prompt,
    echo: false,
    maxTokens: 8,
    defaultTokens: 8,
    top: undefined,
    stop: [],
    ...drawing,
    ...changes,
  };
}

const never = new AbortController().signal;

async function textOf(told: AsyncIterable<Told>): Promise<string> {
  let text = "";
  for await (const one of told) if (one.type === "piece") text += one.piece.text;
  return text;
}

describe("answers of models", () => {
  it("come in turn where several are asked at once, and from more models than are open", async () => {
    answering = createAnswering(LIMITS);
    const order: string[] = [];
    const long = async (name: string): Promise<void> => {
      const told = answering.answer(request(name, { prompt: { kind: "texts", texts: ["The whale"] }, maxTokens: 40 }), never);
      for await (const one of told) if (one.type === "piece" && one.piece.text !== "") order.push(name);
    };
    await Promise.all([long("one"), long("two"), textOf(answering.answer(request("three"), never))]);
    expect(new Set(order)).toEqual(new Set(["one", "two"]));
    const changes = order.filter((name, i) => i > 0 && name !== order[i - 1]).length;
    expect(changes).toBeGreaterThan(40);
    for (const name of ["one", "two", "three", "one"]) expect(await textOf(answering.answer(request(name), never))).toBe(" 124");
  });

  it("are a model's that was written again", async () => {
    answering = createAnswering(LIMITS);
    expect(await textOf(answering.answer(request("three"), never))).toBe(" 124");
    const file = join(folder, "three", "model.safetensors");
    const bytes = readFileSync(file);
    bytes.fill(0, bytes.length - 4096);
    bytes.fill(0, 8 + Number(bytes.readBigUInt64LE(0)), 2 ** 20);
    writeFileSync(file, bytes);
    utimesSync(file, 1, 1);
    expect(await textOf(answering.answer(request("three"), never))).not.toBe(" 124");
  });

  it("stop where the reader leaves or gives up, and others go on", async () => {
    answering = createAnswering(LIMITS);
    const forever = request("one", { prompt: { kind: "ids", ids: [[1], [2], [3]] }, maxTokens: 500 });
    for await (const _ of answering.answer(forever, never)) break;
    const control = new AbortController();
    const given = async (): Promise<void> => {
      for await (const one of answering.answer(forever, control.signal)) if (one.type === "piece") control.abort();
    };
    await expect(given()).rejects.toMatchObject({ code: "cancelled" });
    await expect(textOf(answering.answer(forever, AbortSignal.abort()))).rejects.toMatchObject({ code: "cancelled" });
    expect(await textOf(answering.answer(request("one"), never))).toBe(" 124");
  });

  it("end with a process that reads a prompt for too long; the next one is answered", async () => {
    const tokenizer = JSON.parse(readFileSync(join(DEMO, "tokenizer.json"), "utf8"));
    const split = { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated", invert: false };
    const slow = { ...tokenizer, pre_tokenizer: { type: "Sequence", pretokenizers: [split, tokenizer.pre_tokenizer] } };
    writeFileSync(join(folder, "slow", "tokenizer.json"), JSON.stringify(slow));
    answering = createAnswering({ ...LIMITS, readingMs: 3000 });
    const texts = [`${"a".repeat(200)}b`];
    await expect(textOf(answering.answer(request("slow", { prompt: { kind: "texts", texts } }), never))).rejects.toMatchObject({
      code: "unsupported",
      message: "the model's tokenizer or chat template takes longer than 3 s",
    });
    expect(await textOf(answering.answer(request("one"), never))).toBe(" 124");
  });

  it("end with a process that does not stop when it is told to", async () => {
    const tokenizer = JSON.parse(readFileSync(join(DEMO, "tokenizer.json"), "utf8"));
    const replace = { type: "Replace", pattern: { Regex: "(a+)+!" }, content: "" };
    // The model soon writes " the", whose text takes such an expression longer than anybody waits.
    const { Ġthe: id, ...vocab } = tokenizer.model.vocab;
    const model = { ...tokenizer.model, vocab: { ...vocab, ["a".repeat(60)]: id } };
    const slow = { ...tokenizer, model, decoder: { type: "Sequence", decoders: [replace, tokenizer.decoder] } };
    writeFileSync(join(folder, "slow", "tokenizer.json"), JSON.stringify(slow));
    answering = createAnswering({ ...LIMITS, readingMs: 3000 });
    const stuck = request("slow", { prompt: { kind: "texts", texts: ["The whale"] }, maxTokens: 60 });
    await expect(textOf(answering.answer(stuck, AbortSignal.timeout(6000)))).rejects.toMatchObject({ code: "cancelled" });
    const again = async (): Promise<string> =>
      textOf(answering.answer(request("one"), never)).catch((error: { code: string }) =>
        error.code === "cancelled" ? again() : error.code,
      );
    expect(await again()).toBe(" 124");
  });

  it("come from a new process where the last has had nothing to do", async () => {
    answering = createAnswering({ ...LIMITS, idleMs: 0 });
    for (let i = 0; i < 2; i++) expect(await textOf(answering.answer(request("one"), never))).toBe(" 124");
  });

  it("say what is wrong with a model", async () => {
    answering = createAnswering(LIMITS);
    await expect(textOf(answering.answer(request("nowhere"), never))).rejects.toMatchObject({ code: "not-found" });
    await expect(textOf(answering.answer(request("one", { maxTokens: 600 }), never))).rejects.toMatchObject({ name: "ContextLengthError" });
  });
});
