import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { addChattyDemo, addDemo } from "./models.ts";
import { type Folders, jsonOf, makeFolders, type ServerProcess, startServer } from "./server-process.ts";

const TOKEN = "a-token-of-enough-characters";
const HEADERS = { Authorization: `Bearer ${TOKEN}` };
const MARKUP = '<img src=x onerror="alert(1)">';

let folders: Folders;
let server: ServerProcess;

beforeAll(async () => {
  folders = makeFolders();
  addChattyDemo(folders, "demo");
  addDemo(folders, "refusing", { "chat_template.jinja": `{{ raise_exception('${MARKUP}') }}` });
  addDemo(folders, "endless", {
    "chat_template.jinja": "{% for i in range(1000000) %}{% for j in range(1000000) %}{% endfor %}{% endfor %}",
  });
  addDemo(folders, "broken", { "tokenizer.json": "{}" });
  const others = { ...folders, models: join(folders.models, ".others") }; // hidden in the first folder
  mkdirSync(others.models);
  addDemo(others, "demo-of-both");
  addDemo(folders, "demo-of-both");
  server = await startServer(folders, "--token", TOKEN, "--models", others.models, "--workers", "0", "--answer-seconds", "20");
});
afterAll(async () => {
  const code = await server.end();
  folders.remove();
  expect(code).toBe(0);
});

const post = (path: string, body: unknown, init: RequestInit = {}) =>
  server.post(path, body, { ...init, headers: { ...HEADERS, ...init.headers } });
const complete = (changes: object) => () => post("/v1/completions", { model: "demo", prompt: "a", max_tokens: 1, ...changes });
const chat = (changes: object) => () =>
  post("/v1/chat/completions", { model: "demo", messages: [{ role: "user", content: "a" }], max_tokens: 1, ...changes });
const raw =
  (body: string, headers: Readonly<Record<string, string>> = { "Content-Type": "application/json" }) =>
  () =>
    server.get("/v1/completions", { method: "POST", body, headers: { ...HEADERS, ...headers } });

/** What is asked, and what it has to be answered with: status, code, and the field at fault. */
type Case = readonly [ask: () => Promise<Response>, status: number, code: string, param: string | null];

const CASES: Readonly<Record<string, Case>> = {
  "no token": [() => server.post("/v1/completions", {}), 401, "token", null],
  "another site's page": [() => post("/v1/completions", {}, { headers: { Origin: "https://evil.example" } }), 403, "origin", null],
  "no route": [() => server.get("/v1/embeddings", { headers: HEADERS }), 404, "not-found", null],
  "no JSON": [raw("{"), 400, "invalid", null],
  "JSON that is no object": [raw("[]"), 400, "invalid", null],
  "an empty body": [raw(""), 400, "invalid", null],
  "JSON as a form": [raw("{}", { "Content-Type": "text/plain" }), 415, "content-type", null],
  "a body without end": [raw(JSON.stringify({ prompt: "x".repeat(2 ** 20) })), 413, "too-large", null],

  "no model": [complete({ model: undefined }), 400, "invalid", "model"],
  "a model that is no text": [complete({ model: 1 }), 400, "invalid", "model"],
  "a model that is not there": [complete({ model: "gpt-4" }), 404, "model_not_found", "model"],
  "a model with markup": [complete({ model: MARKUP }), 404, "model_not_found", "model"],
  "a model by a path": [complete({ model: "../../etc" }), 404, "model_not_found", "model"],
  "a model of Object": [complete({ model: "__proto__" }), 404, "model_not_found", "model"],
  "a name that two have": [complete({ model: "demo-of-both" }), 404, "model_not_found", "model"],
  "a model whose tokenizer is none": [complete({ model: "broken" }), 400, "format", null],
  "one model that is not there": [() => server.get("/v1/models/..%2f..", { headers: HEADERS }), 404, "model_not_found", "model"],

  "no prompt": [complete({ prompt: undefined }), 400, "invalid", "prompt"],
  "a prompt that is null": [complete({ prompt: null }), 400, "invalid", "prompt"],
  "a prompt that is a number": [complete({ prompt: 5 }), 400, "invalid", "prompt"],
  "an empty prompt": [complete({ prompt: "" }), 400, "data", null],
  "no prompts": [complete({ prompt: [] }), 400, "invalid", "prompt"],
  "a prompt of no tokens": [complete({ prompt: [[]] }), 400, "invalid", "prompt.0"],
  "prompts of two kinds": [complete({ prompt: ["a", 1] }), 400, "invalid", "prompt"],
  "half a token": [complete({ prompt: [1.5] }), 400, "invalid", "prompt"],
  "a negative token": [complete({ prompt: [-1] }), 400, "invalid", "prompt.0"],
  "a token past the vocabulary": [complete({ prompt: [1, 2048] }), 400, "data", null],
  "a token past all integers": [complete({ prompt: [1e300] }), 400, "invalid", "prompt.0"],
  "more prompts than are taken": [complete({ prompt: new Array(129).fill("a") }), 400, "invalid", "prompt"],
  "a prompt that is too long": [complete({ prompt: "one ".repeat(600) }), 400, "context_length_exceeded", "prompt"],
  "more tokens than fit": [complete({ max_tokens: 512 }), 400, "context_length_exceeded", "prompt"],

  "fewer tokens than none": [complete({ max_tokens: -1 }), 400, "invalid", "max_tokens"],
  "more tokens than are written": [complete({ max_tokens: 1e9 }), 400, "invalid", "max_tokens"],
  "half a number of tokens": [complete({ max_tokens: 1.5 }), 400, "invalid", "max_tokens"],
  "a number of tokens that is a text": [complete({ max_tokens: "5" }), 400, "invalid", "max_tokens"],
  cold: [complete({ temperature: -1 }), 400, "invalid", "temperature"],
  hot: [complete({ temperature: 1e308 }), 400, "invalid", "temperature"],
  "a share above 1": [complete({ top_p: 2 }), 400, "invalid", "top_p"],
  "more log-probabilities than are told": [complete({ logprobs: 1e6 }), 400, "invalid", "logprobs"],
  "log-probabilities without end": [complete({ prompt: new Array(128).fill("a"), logprobs: 20, max_tokens: 400 }), 400, "usage", null],
  "log-probabilities that are a truth": [complete({ logprobs: true }), 400, "invalid", "logprobs"],
  "two answers": [complete({ n: 2 }), 400, "invalid", "n"],
  "very many answers": [complete({ n: 1e9 }), 400, "invalid", "n"],
  "the best of many": [complete({ best_of: 1e9 }), 400, "invalid", "best_of"],
  "an empty stop string": [complete({ stop: "" }), 400, "invalid", "stop"],
  "stop strings without end": [complete({ stop: new Array(17).fill("a") }), 400, "invalid", "stop"],
  "half a seed": [complete({ seed: 0.5 }), 400, "invalid", "seed"],
  "a stream that is a text": [complete({ stream: "yes" }), 400, "invalid", "stream"],
  "a penalty": [complete({ frequency_penalty: 1 }), 400, "invalid", "frequency_penalty"],
  "a bias": [complete({ logit_bias: { 5: 100 } }), 400, "invalid", "logit_bias"],
  "a suffix": [complete({ suffix: "b" }), 400, "invalid", "suffix"],
  "a stream that cannot begin": [complete({ stream: true, max_tokens: 512 }), 400, "context_length_exceeded", "prompt"],

  "no messages": [chat({ messages: [] }), 400, "invalid", "messages"],
  "messages without end": [chat({ messages: new Array(1001).fill({ role: "user", content: "a" }) }), 400, "invalid", "messages"],
  "a role of nobody": [chat({ messages: [{ role: MARKUP, content: "a" }] }), 400, "invalid", "messages.0.role"],
  "a picture": [chat({ messages: [{ role: "user", content: [{ type: "image_url" }] }] }), 400, "invalid", "messages.0.content"],
  "a tool": [chat({ tools: [{ type: "function" }] }), 400, "invalid", "tools"],
  "an answer in JSON": [chat({ response_format: { type: "json_object" } }), 400, "invalid", "response_format.type"],
  "top tokens without log-probabilities": [chat({ top_logprobs: 2 }), 400, "invalid", "top_logprobs"],
  "no token to be written": [chat({ max_tokens: 0 }), 400, "invalid", "max_tokens"],
  "a template that refuses": [chat({ model: "refusing" }), 400, "data", null],
  "a template without end": [chat({ model: "endless" }), 400, "unsupported", null],
};

describe("a hostile request to a model", () => {
  it.each(Object.keys(CASES))("is refused as OpenAI's interface refuses: %s", async (name) => {
    const [ask, status, code, param] = CASES[name] as Case;
    const response = await ask();
    const text = await response.text();
    expect([response.status, text]).toEqual([status, expect.stringContaining("{")]);
    expect(response.headers.get("content-type")).toContain("application/json");
    expect(JSON.parse(text)).toEqual({ error: { message: expect.any(String), type: "invalid_request_error", param, code } });
    expect(text).not.toContain(folders.models);
    expect(server.log()).not.toContain(folders.models);
  });
});

test("requests that wait are bounded, and clients that leave make room", async () => {
  const control = new AbortController();
  const body = { model: "demo", prompt: [[1], [2], [3], [4]], temperature: 0, max_tokens: 500, stream: true, logprobs: 20 };
  const sent = Array.from({ length: 40 }, () => post("/v1/completions", body, { signal: control.signal }));
  const withStatus = (status: number) =>
    Promise.any(sent.map(async (one) => ((await one).status === status ? one : Promise.reject(new Error("another status")))));
  expect((await withStatus(200)).headers.get("content-type")).toContain("text/event-stream");
  const refused = await withStatus(429);
  expect(refused.headers.get("retry-after")).toBe("5");
  expect(await jsonOf(refused)).toEqual({
    error: { message: expect.stringContaining("36 requests wait"), type: "rate_limit_error", param: null, code: "queue" },
  });
  control.abort();
  let answered: Response | undefined;
  while (answered?.status !== 200) answered = await complete({})();
  expect(await jsonOf(answered)).toMatchObject({ choices: [{ finish_reason: "length" }] });
});

test("a request that takes too long is ended, also in the middle of a stream", async () => {
  const body = { model: "demo", prompt: new Array(128).fill([1]), temperature: 2, max_tokens: 500, logprobs: 3 };
  const slow = await startServer({ ...folders, home: join(folders.home, "slow") }, "--workers", "0", "--answer-seconds", "2");
  try {
    const whole = await slow.post("/v1/completions", body);
    const error = { message: "the answer took longer than 2 seconds", type: "server_error", param: null, code: "timeout" };
    expect([whole.status, await jsonOf(whole)]).toEqual([503, { error }]);
    const stream = await slow.post("/v1/completions", { ...body, stream: true });
    expect(stream.status).toBe(200);
    const text = await stream.text();
    expect(JSON.parse(text.trimEnd().split("\n\n").at(-1)?.slice("data: ".length) ?? "")).toEqual({ error });
  } finally {
    expect(await slow.end()).toBe(0);
  }
});
