import { once } from "node:events";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Api, ApiError, createApi } from "../src/api/client.ts";
import { streamAnswer } from "../src/api/completions.ts";
import { followJob, type JobEvent } from "../src/api/follow.ts";

let server: Server | undefined;
afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

/** What asks a real server that answers so. */
async function apiOf(answer: RequestListener, onRefused: () => void = () => {}): Promise<Pick<Api, "send">> {
  server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const { send } = createApi({ get: () => "token", set() {} }, onRefused);
  return { send: (path, init) => send(`http://127.0.0.1:${port}${path}`, init) };
}

const JOB = "some-job";

describe("followJob", () => {
  it("goes on behind the last event after a cut, and ends with the job", async () => {
    const asked: (string | undefined)[] = [];
    const api = await apiOf((request, response) => {
      asked.push(request.headers["last-event-id"] as string | undefined);
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      if (asked.length === 1) return void response.write('id: 4\nevent: block\ndata: {"block":0}\n\nid: 5\nda', () => response.destroy());
      response.end('id: 5\nevent: block\ndata: {"block":1}\n\nid: 6\nevent: state\ndata: {"state":"done"}\n\n');
    });
    const [events, connections]: [JobEvent[], boolean[]] = [[], []];
    const options = { onEvent: (event: JobEvent) => events.push(event), onConnection: (connected: boolean) => connections.push(connected) };
    await followJob(api, JOB, { ...options, signal: new AbortController().signal, delayMs: () => 0 });
    expect(asked).toEqual([undefined, "4"]);
    expect(events).toEqual([
      { type: "block", block: 0 },
      { type: "block", block: 1 },
      { type: "state", state: "done" },
    ]);
    expect(connections).toEqual([true, false, true]);
  });

  it("ends where nothing is left to come", async () => {
    const api = await apiOf((_, response) => void response.writeHead(204).end());
    const events: JobEvent[] = [];
    await followJob(api, JOB, { onEvent: (event) => events.push(event), onConnection() {}, signal: new AbortController().signal });
    expect(events).toEqual([]);
  });

  it("tries a busy server again, and not one that refuses", async () => {
    let turns = 0;
    const api = await apiOf((_, response) => {
      turns++;
      if (turns < 3) return void response.writeHead(503).end("{}");
      response.writeHead(404).end('{"error":{"code":"not-found","message":"no job has the id"}}');
    });
    const following = followJob(api, JOB, { onEvent() {}, onConnection() {}, signal: new AbortController().signal, delayMs: () => 0 });
    await expect(following).rejects.toThrow(new ApiError(404, "not-found", "no job has the id"));
    expect(turns).toBe(3);
  });

  it("stops when it is told to", async () => {
    const stop = new AbortController();
    const api = await apiOf((_, response) => void response.writeHead(200).write("id: 1\nevent: block\ndata: {}\n\n"));
    await followJob(api, JOB, { onEvent: () => stop.abort(), onConnection() {}, signal: stop.signal });
    expect(stop.signal.aborted).toBe(true);
  });

  it("says when the token is not taken", async () => {
    let refused = 0;
    const api = await apiOf(
      (_, response) => void response.writeHead(401).end('{"error":{"code":"token","message":"wanted"}}'),
      () => refused++,
    );
    await expect(api.send("/api/jobs")).rejects.toThrow("wanted");
    expect(refused).toBe(1);
  });
});

describe("streamAnswer", () => {
  async function answerOf(lines: readonly string[], chat = false): Promise<{ asked: unknown; path: string | undefined; text: string }> {
    let [asked, path, text]: [unknown, string | undefined, string] = [undefined, undefined, ""];
    const api = await apiOf((request, response) => {
      path = request.url;
      let body = "";
      request.on("data", (chunk) => {
        body += chunk;
      });
      request.on("end", () => {
        asked = JSON.parse(body);
        response.end(lines.map((line) => `data: ${line}\n\n`).join(""));
      });
    });
    const prompt = { model: "m", text: "1 + 1 =", chat, maxTokens: 8, temperature: 0 };
    for await (const piece of streamAnswer(api, prompt, new AbortController().signal)) text += piece;
    return { asked, path, text };
  }

  it("gives the text of completions and of conversations", async () => {
    const common = { model: "m", max_tokens: 8, temperature: 0, stream: true };
    expect(await answerOf(['{"choices":[{"text":" 2"}]}', '{"choices":[{"text":"."}]}', "[DONE]", '{"choices":[{"text":"x"}]}'])).toEqual({
      path: "/v1/completions",
      asked: { ...common, prompt: "1 + 1 =" },
      text: " 2.",
    });
    server?.close();
    const pieces = [
      '{"choices":[{"delta":{"role":"assistant"}}]}',
      '{"choices":[{"delta":{"content":"two"}}]}',
      '{"choices":[]}',
      "[DONE]",
    ];
    expect(await answerOf(pieces, true)).toEqual({
      path: "/v1/chat/completions",
      asked: { ...common, messages: [{ role: "user", content: "1 + 1 =" }] },
      text: "two",
    });
  });

  it("throws what goes wrong on the way", async () => {
    await expect(answerOf(['{"choices":[{"text":"a"}]}', '{"error":{"message":"the model is gone"}}'])).rejects.toThrow(
      "the model is gone",
    );
  });
});
