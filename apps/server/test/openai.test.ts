import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import OpenAI, { APIError } from "openai";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { addChain, addChattyDemo, addDemo, DEMO_TOKENIZER, sharedTokenizer } from "./models.ts";
import { type Folders, jsonOf, makeFolders, readEvents, type ServerProcess, startServer } from "./server-process.ts";

const TOKEN = "a-token-of-enough-characters";
const AUTHORIZATION = { Authorization: `Bearer ${TOKEN}` };
const TEXT = "Call me Ishmael. Some years ago, never mind how long precisely, I thought I would sail about a little.";

let folders: Folders;
let server: ServerProcess;
let client: OpenAI;

beforeAll(async () => {
  folders = makeFolders();
  addDemo(folders, "demo");
  addChattyDemo(folders, "chatty");
  addDemo(folders, "twice/same");
  writeFileSync(join(folders.models, "text.jsonl"), `${JSON.stringify({ text: TEXT })}\n`);
  server = await startServer(folders, "--token", TOKEN, "--workers", "1");
  client = new OpenAI({ baseURL: `${server.url}/v1`, apiKey: TOKEN, maxRetries: 0 });
});
afterAll(async () => {
  const code = await server.end();
  folders.remove();
  expect(code).toBe(0);
});

const sum = (values: readonly (number | null)[]): number => values.reduce<number>((total, value) => total + (value ?? 0), 0);

/** What a client gets of a failing request. */
async function failureOf(work: () => Promise<unknown>): Promise<APIError> {
  try {
    await work();
  } catch (error) {
    if (error instanceof APIError) return error;
    throw error;
  }
  throw new Error("nothing was thrown");
}

describe("models", () => {
  it("are those of /api/models, and are found by id and by name", async () => {
    const { models } = await jsonOf(server.get("/api/models", { headers: AUTHORIZATION }));
    const { data } = await client.models.list();
    expect(data.map(({ id }) => id)).toEqual(models.map(({ id }: { id: string }) => id));
    for (const { id, name } of models) {
      expect(await client.models.retrieve(id)).toMatchObject({ id, name, object: "model" });
      expect(await client.models.retrieve(name)).toMatchObject({ id });
      if (name === "llama") continue; // has no tokenizer
      const { choices } = await client.completions.create({ model: id, prompt: "48 + 76 =", temperature: 0 });
      expect(choices[0]?.text).toBe(" 124");
    }
  });
});

describe("completions", () => {
  const ask = { model: "demo", temperature: 0 } as const;

  it("go on from texts and token ids, alone and in batches, until the model ends them", async () => {
    const one = await client.completions.create({ ...ask, prompt: "48 + 76 =" });
    expect(one).toMatchObject({
      object: "text_completion",
      model: "demo",
      choices: [{ index: 0, text: " 124", finish_reason: "stop", logprobs: null }],
      usage: { prompt_tokens: 7, completion_tokens: 5, total_tokens: 12 },
    });
    const many = await client.completions.create({ ...ask, prompt: ["48 + 76 =", "48 + 70 =", "sort r x e d i n ->"] });
    expect(many.choices.map(({ text }) => text)).toEqual([" 124", " 118", " d e i n r x"]);
    const { choices } = await client.completions.create({ ...ask, prompt: "48 + 76 =", echo: true, logprobs: 0, max_tokens: 0 });
    expect(choices[0]?.logprobs?.tokens?.join("")).toBe("48 + 76 =");
  });

  it("echo a prompt without writing anything, and count offsets in code points", async () => {
    const prompt = "A 😊 here";
    const { choices, usage } = await client.completions.create({ ...ask, prompt, echo: true, logprobs: 2, max_tokens: 0 });
    const [choice] = choices;
    expect(choice).toMatchObject({ text: prompt, finish_reason: "length" });
    const { tokens = [], text_offset: offsets = [] } = choice?.logprobs ?? {};
    expect(usage).toMatchObject({ prompt_tokens: tokens.length, completion_tokens: 0 });
    expect(offsets.at(-1)).toBe([...prompt].length - (tokens.at(-1) as string).length); // in UTF-16 units it is one more
    expect(offsets).toEqual([...offsets].sort((a, b) => a - b));
  });

  // The cases that lm-evaluation-harness's local-completions needs: shared/cases/REPORTS.md, 32.
  it("score batches of token ids as lm-evaluation-harness asks", async () => {
    const prompt = [
      [504, 298, 314, 216, 36],
      [1956, 905],
    ];
    const body = { ...ask, prompt, max_tokens: 1, logprobs: 1, seed: 1234, echo: true, unknown_field: { a: [1] } };
    const { choices } = await client.completions.create(body);
    expect(choices.map(({ index }) => index)).toEqual([0, 1]);
    for (const [i, { logprobs }] of choices.entries()) {
      const { tokens = [], token_logprobs: values = [], top_logprobs: tops = [], text_offset: offsets = [] } = logprobs ?? {};
      const length = (prompt[i]?.length ?? 0) + 1;
      expect([tokens, values, tops, offsets].map((list) => list.length)).toEqual([length, length, length, length]);
      expect([values[0], tops[0]]).toEqual([null, null]);
      for (const [t, value] of values.entries()) {
        if (value === null) continue;
        const top = tops[t] as Record<string, number>;
        expect(top[tokens[t] as string]).toBe(value);
        expect(Math.max(...Object.values(top))).toBeGreaterThanOrEqual(value);
      }
      const last = tops.at(-1) as Record<string, number>;
      expect(Object.values(last)).toEqual([values.at(-1)]); // the one that is written is the greedy one, to the last bit
    }
    const none = await client.completions.create({ ...body, max_tokens: 0 });
    expect(none.choices.map(({ logprobs }) => logprobs?.tokens?.length)).toEqual([5, 2]);
    for (const [i, { logprobs }] of none.choices.entries())
      expect(logprobs?.token_logprobs).toEqual(choices[i]?.logprobs?.token_logprobs?.slice(0, -1));
    const { logprobs: _, ...plain } = body;
    expect((await client.completions.create(plain)).choices.map(({ logprobs }) => logprobs)).toEqual([null, null]);
    const positions = 512;
    const long = (tokens: number) => ({ ...body, prompt: [Array.from({ length: tokens }, (_, t) => t % 2000)] });
    expect((await client.completions.create(long(positions - 1))).choices[0]?.logprobs?.tokens).toHaveLength(positions);
    const refused = await failureOf(() => client.completions.create(long(positions)));
    expect([refused.status, refused.code, refused.param]).toEqual([400, "context_length_exceeded", "prompt"]);
    expect(refused.message).toContain("the model's context has 512 tokens: the prompt has 512, and 1 is to be written after it");
    const info = await server.get("/tokenizer_info", { headers: AUTHORIZATION });
    expect([info.status, await jsonOf(info)]).toEqual([404, { error: { code: "not-found", message: expect.any(String) } }]);
  });

  it("score token ids of a model without a tokenizer, and refuse it texts", async () => {
    const body = { model: "llama", temperature: 0, echo: true, logprobs: 1, max_tokens: 1 };
    const { choices } = await client.completions.create({ ...body, prompt: [1, 2, 3] });
    expect(choices[0]).toMatchObject({ text: "", logprobs: { tokens: ["token_id:1", "token_id:2", "token_id:3", expect.any(String)] } });
    const failure = await failureOf(() => client.completions.create({ ...body, prompt: "abc" }));
    expect([failure.status, failure.code]).toEqual([400, "format"]);
  });

  it("tell the token that ends an answer among the log-probabilities, as clients that count tokens need", async () => {
    const prompt = "48 + 76 = 124";
    const { choices } = await client.completions.create({ ...ask, prompt, echo: true, logprobs: 1, max_tokens: 1 });
    expect(choices[0]).toMatchObject({ text: prompt, finish_reason: "stop" });
    expect(choices[0]?.logprobs?.tokens?.at(-1)).toBe("<|end|>");
    const step = await client.completions.create({ ...ask, prompt, echo: true, logprobs: 1, max_tokens: 2 });
    expect(step.choices[0]?.logprobs?.tokens).toEqual(choices[0]?.logprobs?.tokens);
  });

  it("have the log-probabilities that eval measures, within 1e-4", async () => {
    const { choices } = await client.completions.create({ ...ask, prompt: TEXT, echo: true, logprobs: 5, max_tokens: 0 });
    const get = (path: string) => jsonOf(server.get(path, { headers: AUTHORIZATION }));
    const idOf = async (list: "models" | "data", name: string): Promise<string> =>
      (await get(`/api/${list}`))[list].find((one: { name: string }) => one.name === name).id;
    const recipe = { model: await idOf("models", "demo"), data: await idOf("data", "text.jsonl") };
    const { id } = await jsonOf(server.post("/api/jobs", { kind: "eval", recipe }, { headers: AUTHORIZATION }));
    await readEvents({ ...server, get: (path) => server.get(path, { headers: AUTHORIZATION }) }, id);
    const { result } = await get(`/api/jobs/${id}`);
    expect(result.losses).toHaveLength(1);
    const { token_logprobs: values = [] } = choices[0]?.logprobs ?? {};
    expect(values.length - 1).toBe(result.losses[0].tokens);
    expect(Math.abs(sum(values) + result.losses[0].loss) / result.losses[0].tokens).toBeLessThan(1e-4);
  });

  it("stream what they give whole, with usage where it is asked for", async () => {
    const body = { ...ask, prompt: ["The whale", "48 + 76 ="], max_tokens: 24, logprobs: 3, echo: true };
    const whole = await client.completions.create(body);
    const stream = await client.completions.create({ ...body, stream: true, stream_options: { include_usage: true } });
    const answers = whole.choices.map(() => ({
      text: "",
      tokens: [] as string[],
      values: [] as (number | null)[],
      offsets: [] as number[],
    }));
    const reasons: unknown[] = [];
    let usage: unknown;
    for await (const chunk of stream) {
      expect(chunk.object).toBe("text_completion");
      if (chunk.choices.length === 0) usage = chunk.usage;
      for (const { index, text, logprobs, finish_reason: reason } of chunk.choices) {
        const answer = answers[index] as (typeof answers)[number];
        answer.text += text;
        answer.tokens.push(...(logprobs?.tokens ?? []));
        answer.values.push(...(logprobs?.token_logprobs ?? []));
        answer.offsets.push(...(logprobs?.text_offset ?? []));
        if (reason) reasons[index] = reason;
      }
    }
    for (const [i, { text, logprobs, finish_reason: reason }] of whole.choices.entries()) {
      const { tokens, token_logprobs: values, text_offset: offsets } = logprobs ?? {};
      expect(answers[i]).toEqual({ text, tokens, values, offsets });
      expect(reasons[i]).toBe(reason);
    }
    expect(usage).toEqual(whole.usage);
  });

  it("end before a stop string, which may lie across tokens, and tell no token of it", async () => {
    const body = { ...ask, prompt: "The whale", max_tokens: 24, logprobs: 0 };
    const [free] = (await client.completions.create(body)).choices;
    const text = free?.text ?? "";
    const { tokens = [], text_offset: offsets = [] } = free?.logprobs ?? {};
    // From within a token to within another one.
    const from = (offsets[5] as number) + Math.min(1, (tokens[5] as string).length - 1);
    const stop = text.slice(from, (offsets[7] as number) + 1);
    const cut = text.slice(0, text.indexOf(stop));
    for (const stream of [false, true]) {
      const choices = stream
        ? await collected(await client.completions.create({ ...body, stop: ["never there", stop], stream: true }))
        : (await client.completions.create({ ...body, stop: ["never there", stop] })).choices;
      expect(choices.map((choice) => choice.text).join("")).toBe(cut);
      expect(choices.at(-1)?.finish_reason).toBe("stop");
      const told = choices.flatMap(({ logprobs }) => logprobs?.tokens ?? []);
      expect(told).toEqual(tokens.filter((_, t) => (offsets[t] as number) < cut.length));
    }
  });

  it("draw by temperature and top_p, equal ones for equal seeds", async () => {
    const body = { model: "demo", prompt: "The", max_tokens: 16, temperature: 1.5 };
    const texts = async (changes: object) => (await client.completions.create({ ...body, ...changes })).choices.map(({ text }) => text);
    const first = await texts({ seed: 7 });
    expect(await texts({ seed: 7 })).toEqual(first);
    expect(await texts({ seed: 8 })).not.toEqual(first);
    expect(await texts({})).not.toEqual(await texts({}));
    expect(await texts({ top_p: 0 })).toEqual(await texts({ temperature: 0 }));
    const [one, two] = await texts({ prompt: ["The", "The"], seed: 7 });
    expect([one]).toEqual(first);
    expect(two).not.toBe(one);
  });
});

/** All choices of a stream's chunks. */
async function collected(stream: AsyncIterable<OpenAI.Completion>): Promise<OpenAI.CompletionChoice[]> {
  const choices: OpenAI.CompletionChoice[] = [];
  for await (const chunk of stream) choices.push(...chunk.choices);
  return choices;
}

describe("conversations", () => {
  const body = { model: "chatty", messages: [{ role: "user" as const, content: "48 + 76 =" }], temperature: 0, max_completion_tokens: 12 };

  it("are answered by the model's template", async () => {
    const chat = await client.chat.completions.create(body);
    const prompt = "user: 48 + 76 =\nassistant:";
    const plain = await client.completions.create({ model: "demo", prompt, temperature: 0, max_tokens: 12, logprobs: 2 });
    expect(chat).toMatchObject({
      object: "chat.completion",
      choices: [
        { index: 0, message: { role: "assistant", content: plain.choices[0]?.text }, finish_reason: plain.choices[0]?.finish_reason },
      ],
      usage: plain.usage,
    });
    const parts = [
      { type: "text" as const, text: "48 + " },
      { type: "text" as const, text: "76 =" },
    ];
    const inParts = await client.chat.completions.create({ ...body, messages: [{ role: "user", content: parts }] });
    expect(inParts.choices).toEqual(chat.choices);
    const told = await client.chat.completions.create({ ...body, logprobs: true, top_logprobs: 2 });
    const content = told.choices[0]?.logprobs?.content ?? [];
    expect(content.map(({ token }) => token).join("")).toBe(plain.choices[0]?.text);
    const tops = plain.choices[0]?.logprobs?.top_logprobs ?? [];
    for (const [t, { token, logprob, bytes, top_logprobs: top }] of content.entries()) {
      expect(top).toHaveLength(2);
      expect(Object.fromEntries(top.map((one) => [one.token, one.logprob]))).toEqual(tops[t]);
      expect(Buffer.from(bytes ?? []).toString()).toBe(token);
      expect(logprob).toBe(plain.choices[0]?.logprobs?.token_logprobs?.[t]);
    }
  });

  it("stream what they give whole", async () => {
    const whole = await client.chat.completions.create({ ...body, logprobs: true });
    const stream = await client.chat.completions.create({ ...body, logprobs: true, stream: true, stream_options: { include_usage: true } });
    let content = "";
    const tokens: string[] = [];
    const roles: unknown[] = [];
    let [reason, usage]: unknown[] = [];
    for await (const chunk of stream) {
      expect(chunk.object).toBe("chat.completion.chunk");
      if (chunk.usage) usage = chunk.usage;
      for (const { delta, logprobs, finish_reason: found } of chunk.choices) {
        if (delta.role) roles.push(delta.role);
        content += delta.content ?? "";
        tokens.push(...(logprobs?.content ?? []).map(({ token }) => token));
        reason ??= found;
      }
    }
    expect([content, reason, usage]).toEqual([whole.choices[0]?.message.content, whole.choices[0]?.finish_reason, whole.usage]);
    expect(tokens).toEqual(whole.choices[0]?.logprobs?.content?.map(({ token }) => token));
    expect(roles).toEqual(["assistant"]);
  });

  it("have as many tokens as there is room for where nothing is said", async () => {
    const { max_completion_tokens: _, ...free } = body;
    const { usage, choices } = await client.chat.completions.create({
      ...free,
      messages: [{ role: "user", content: "The whale ".repeat(200) }],
    });
    if (choices[0]?.finish_reason === "length") expect(usage?.total_tokens).toBe(512);
    expect(usage?.total_tokens).toBeLessThanOrEqual(512);
    const failure = await failureOf(() =>
      client.chat.completions.create({ ...free, messages: [{ role: "user", content: "The whale ".repeat(300) }] }),
    );
    expect([failure.status, failure.code, failure.param]).toEqual([400, "context_length_exceeded", "messages"]);
  });

  it("need a template", async () => {
    const failure = await failureOf(() => client.chat.completions.create({ ...body, model: "demo" }));
    expect([failure.status, failure.code]).toEqual([400, "unsupported"]);
    expect(failure.message).toContain("demo has no chat template");
    expect(failure.message).not.toContain(folders.models);
  });
});

// Characters whose bytes are several tokens: shared/cases/REPORTS.md, 34.
describe("characters that span tokens", () => {
  const smollm = sharedTokenizer("smollm2-135m-instruct");
  const byteTokens = (text: string): number[] => {
    const { vocab } = (
      JSON.parse(readFileSync(join(DEMO_TOKENIZER, "tokenizer.json"), "utf8")) as { model: { vocab: Record<string, number> } }
    ).model;
    return [...Buffer.from(text)].map((byte) => vocab[String.fromCodePoint(byte < 0xa1 ? byte + 0xa2 : byte)] as number);
  };
  const cases: [string, string, string | undefined, number, number[]][] = [
    ["emoji", "😊", DEMO_TOKENIZER, 2048, byteTokens("😊")],
    ["ideograph", "日", DEMO_TOKENIZER, 2048, byteTokens("日")],
    ["smollm2-emoji", "😊", smollm, 49152, [10813, 242, 228]],
    ["smollm2-ideographs", "日本", smollm, 49152, [23274, 115, 40993]],
  ];
  for (const [name, text, tokenizer, vocabulary, ids] of cases) {
    it.skipIf(tokenizer === undefined)(`are written whole: ${name}`, async () => {
      const [start, end] = [vocabulary - 2, 0];
      addChain(folders, name, tokenizer as string, vocabulary, [start, ...ids, end]);
      const body = { model: name, prompt: [start], temperature: 0, max_tokens: 20 };
      const [whole] = (await client.completions.create(body)).choices;
      expect([whole?.text, whole?.finish_reason]).toEqual([text, "stop"]);
      const named = (await client.completions.create({ ...body, logprobs: 0 })).choices[0]?.logprobs?.tokens ?? [];
      const bytesOf = (token: string): Buffer =>
        token.startsWith("bytes:") ? Buffer.from(token.slice("bytes:".length).replaceAll("\\x", ""), "hex") : Buffer.from(token);
      expect(named.at(-1)).toMatch(/^<\|/); // ends the answer
      expect(Buffer.concat(named.slice(0, -1).map(bytesOf)).toString()).toBe(text);
      expect(named[0]).toMatch(/^bytes:(?:\\x[\da-f]{2})+$/);
      const deltas = (await collected(await client.completions.create({ ...body, stream: true }))).map((choice) => choice.text);
      expect(deltas.join("")).toBe(text);
      expect(deltas.join("\n")).not.toContain("\uFFFD");
      for (let tokens = 1; tokens < ids.length; tokens++) {
        const [cut] = (await client.completions.create({ ...body, max_tokens: tokens })).choices;
        expect(cut?.finish_reason).toBe("length");
        expect([...(cut?.text ?? "")].filter((character) => character === "\uFFFD").length).toBeLessThanOrEqual(1);
        const parts = await collected(await client.completions.create({ ...body, max_tokens: tokens, stream: true }));
        expect(parts.map((choice) => choice.text).join("")).toBe(cut?.text);
      }
    });
  }
});
