import { mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { request } from "node:http";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it, test } from "vitest";
import { type Folders, jsonOf, makeFolders, type ServerProcess, startServer } from "./server-process.ts";

const TOKEN = "a-token-of-enough-characters";
const AUTHORIZATION = { Authorization: `Bearer ${TOKEN}` };
const NO_JOB = "00000000-0000-4000-8000-000000000000";

let folders: Folders;
let server: ServerProcess;
let model: string;
let data: string;
let done: string;

beforeAll(async () => {
  folders = makeFolders();
  // What links lead to out of the configured folders is not there.
  const outside = join(folders.home, "..", "outside");
  mkdirSync(outside);
  writeFileSync(join(outside, "secret.jsonl"), '{"text":"secret"}\n');
  writeFileSync(join(outside, "config.json"), "{}");
  symlinkSync(outside, join(folders.models, "linked"));
  mkdirSync(join(folders.models, "half"));
  writeFileSync(join(folders.models, "half", "config.json"), "{}");
  symlinkSync(join(outside, "secret.jsonl"), join(folders.models, "half", "model.safetensors"));
  symlinkSync(join(outside, "secret.jsonl"), join(folders.models, "linked.jsonl"));

  server = await startServer(
    folders,
    "--token",
    TOKEN,
    "--name",
    "studio.example",
    "--max-upload",
    "1",
    "--max-data",
    "2",
    "--workers",
    "1",
  );
  const get = (path: string) => jsonOf(server.get(path, { headers: AUTHORIZATION }));
  const { models } = await get("/api/models");
  expect(models.map(({ name }: { name: string }) => name)).toEqual(["llama"]);
  model = models[0].id;
  const listed = (await get("/api/data")).data;
  expect(listed.map(({ name }: { name: string }) => name)).not.toContain("linked.jsonl");
  data = listed.find(({ name }: { name: string }) => name === "llama/calibration.jsonl").id;
  const recipe = { model, sparsity: 0.5, scorer: "magnitude", backend: "reference" };
  done = (await jsonOf(server.post("/api/jobs", { kind: "prune", recipe }, { headers: AUTHORIZATION }))).id;
  await (await server.get(`/api/jobs/${done}/events`, { headers: AUTHORIZATION })).text();
});
afterAll(async () => {
  const code = await server.end();
  folders.remove();
  expect(code).toBe(0);
});

/** A request as it is written, and what it has to be answered with. */
interface Case {
  readonly path: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  readonly status: number;
  readonly code: string;
}

const JSON_TYPE = { "Content-Type": "application/json" };
const post = (body: string | Buffer, headers: Case["headers"] = JSON_TYPE) => ({ path: "/api/jobs", method: "POST", body, headers });
const job = (recipe: object, kind = "prune") => post(JSON.stringify({ kind, recipe: { model, sparsity: 0.5, ...recipe } }));
const form = (name: string, content: string | Buffer, field = "file") => {
  const head = `--x\r\nContent-Disposition: form-data; name="${field}"; filename="${name}"\r\nContent-Type: text/plain\r\n\r\n`;
  return Buffer.concat([Buffer.from(head), Buffer.from(content), Buffer.from("\r\n--x--\r\n")]);
};
const upload = (body: string | Buffer, type = "multipart/form-data; boundary=x") => ({
  path: "/api/data",
  method: "POST",
  body,
  headers: { "Content-Type": type },
});

// Made when the tests run: ids are known then.
const CASES: Readonly<Record<string, () => Case>> = {
  "no token": () => ({ path: "/api/models", headers: { Authorization: "" }, status: 401, code: "token" }),
  "a wrong token": () => ({ path: "/api/models", headers: { Authorization: `Bearer ${TOKEN}x` }, status: 401, code: "token" }),
  "another scheme": () => ({ path: "/metrics", headers: { Authorization: `Basic ${TOKEN}` }, status: 401, code: "token" }),
  "a name bound to this address": () => ({ path: "/healthz", headers: { Host: "evil.example" }, status: 421, code: "host" }),
  "a host that is none": () => ({ path: "/healthz", headers: { Host: "localhost@evil" }, status: 400, code: "request" }),
  "another site's page": () => ({ path: "/api/models", headers: { Origin: "https://evil.example" }, status: 403, code: "origin" }),
  "a page without an origin": () => ({ ...job({}), headers: { ...JSON_TYPE, Origin: "null" }, status: 403, code: "origin" }),
  "another site's form": () => ({ ...job({}), headers: { ...JSON_TYPE, "Sec-Fetch-Site": "cross-site" }, status: 403, code: "origin" }),

  "a path upwards": () => ({ path: "/api/artefacts/../../etc/passwd", status: 404, code: "not-found" }),
  "a path upwards, encoded": () => ({ path: "/api/artefacts/%2e%2e/%2e%2e/etc/passwd", status: 404, code: "not-found" }),
  "an artefact upwards": () => ({ path: `/api/artefacts/${done}/..%2f..%2f..%2fetc%2fpasswd`, status: 404, code: "not-found" }),
  "an artefact by another way": () => ({ path: `/api/artefacts/${done}/model%2f..%2fmodel%2fconfig.json`, status: 404, code: "not-found" }),
  "an artefact with a zero byte": () => ({ path: `/api/artefacts/${done}/model%2fconfig.json%00`, status: 404, code: "not-found" }),
  "an absolute artefact": () => ({ path: `/api/artefacts/${done}/%2fetc%2fpasswd`, status: 404, code: "not-found" }),
  "an artefact of no job": () => ({ path: "/api/artefacts/..%2f..%2fdatabase/PG_VERSION", status: 400, code: "invalid" }),
  "a job whose id is a path": () => ({ path: "/api/jobs/..%2f..%2fetc", status: 400, code: "invalid" }),
  "a job that is not there": () => ({ path: `/api/jobs/${NO_JOB}`, status: 404, code: "not-found" }),
  "a broken escape": () => ({ path: "/api/jobs/%E0%A4%A", status: 400, code: "invalid" }),
  "data upwards": () => ({ path: "/api/data/..%2fdatabase", method: "DELETE", status: 404, code: "not-found" }),
  "data of a folder that is only read": () => ({ path: `/api/data/${data}`, method: "DELETE", status: 403, code: "forbidden" }),
  "a method that is not there": () => ({ path: "/api/models", method: "PUT", status: 404, code: "not-found" }),

  "a range that ends before it begins": () => range("bytes=9-5"),
  "a range behind the end": () => range("bytes=999999999-"),
  "a range of nothing": () => range("bytes=-0"),
  "a range that is none": () => range("bytes=a-b"),
  "an event that is no number": () => ({
    path: `/api/jobs/${done}/events`,
    headers: { "Last-Event-ID": "-1 or 1=1" },
    status: 400,
    code: "invalid",
  }),

  "no JSON": () => ({ ...post("{"), status: 400, code: "invalid" }),
  "JSON that is no object": () => ({ ...post("[]"), status: 400, code: "invalid" }),
  "an empty body": () => ({ ...post(""), status: 400, code: "invalid" }),
  "JSON as a form": () => ({ ...post("{}", { "Content-Type": "text/plain" }), status: 415, code: "content-type" }),
  "JSON without a type": () => ({ ...post("{}", {}), status: 415, code: "content-type" }),
  "a body without end": () => ({ ...post(`{"a":"${"x".repeat(2 ** 20)}"}`), status: 413, code: "too-large" }),
  "a body without end, in pieces": () => ({
    ...post(`{"a":"${"x".repeat(2 ** 20)}"}`, { ...JSON_TYPE, "Transfer-Encoding": "chunked" }),
    status: 413,
    code: "too-large",
  }),

  "a look without end": () => ({
    ...post(`{"template":"${"x".repeat(2 ** 20)}"}`),
    path: `/api/data/${data}/preview`,
    status: 413,
    code: "too-large",
  }),

  "a model by its path": () => ({ ...job({ model: folders.models }), status: 404, code: "not-found" }),
  "a model upwards": () => ({ ...job({ model: "../models/llama" }), status: 404, code: "not-found" }),
  "data by its path": () => ({ ...job({ general: [{ source: "/etc/passwd" }] }), status: 404, code: "not-found" }),
  "statistics by their path": () => ({ ...job({ stats: "../../etc/passwd" }), status: 404, code: "not-found" }),
  "a scorer by its path": () => ({ ...job({ scorer: "./mine.ts" }), status: 400, code: "plugin" }),
  "a scorer by its package": () => ({ ...job({ scorer: "@evil/scorer-mine" }), status: 400, code: "plugin" }),
  "a solver by its address": () => ({ ...job({ solver: "file:///tmp/x.js" }), status: 400, code: "plugin" }),
  "a fusion of nowhere": () => ({ ...job({ fusion: "constructor" }), status: 400, code: "plugin" }),
  "an allocator of nowhere": () => ({ ...job({ allocate: "__proto__" }), status: 400, code: "plugin" }),
  "a backend of nowhere": () => ({ ...job({ backend: "data:text/javascript,1" }), status: 400, code: "plugin" }),
  "a library to load": () => ({ ...job({ backendOptions: { providersFolder: "x" } }), status: 400, code: "option" }),
  "a provider upwards": () => ({ ...job({ backendOptions: { provider: "../x" } }), status: 400, code: "option" }),
  "a path deep in options": () => ({ ...job({ scorerOptions: { a: [{ b: "/etc/passwd" }] } }), status: 400, code: "option" }),
  "a template's file": () => ({ ...job({ general: [{ source: data, template: "/etc/x.json" }] }), status: 400, code: "template" }),
  "a key that is not there": () => ({ ...job({ out: "/tmp/x" }), status: 400, code: "usage" }),
  "a config file": () => ({ ...post(JSON.stringify({ kind: "prune", config: "x.json" })), status: 400, code: "invalid" }),
  "a kind that is not there": () => ({ ...job({}, "demo"), status: 400, code: "invalid" }),
  "a text that no database keeps": () => ({ ...job({ general: [{ source: data, template: "{a}\0" }] }), status: 400, code: "text" }),
  "a name with half of a character": () => ({ ...job({ scorerOptions: { "\ud83d": 1 } }), status: 400, code: "text" }),
  "options without end": () => ({
    ...post(`{"kind":"prune","recipe":{"model":"${model}","scorerOptions":{"a":${"[".repeat(200_000)}${"]".repeat(200_000)}}}}`),
    status: 400,
    code: "depth",
  }),
  "a number out of bounds": () => ({ ...job({ sparsity: 2 }), status: 400, code: "usage" }),

  "an upload of another type": () => ({ ...upload("x", "text/plain"), status: 415, code: "content-type" }),
  "an upload without a boundary": () => ({ ...upload("x", "multipart/form-data"), status: 415, code: "content-type" }),
  "an upload with a broken boundary": () => ({ ...upload("x", "multipart/form-data; boundary="), status: 400, code: "multipart" }),
  "an upload that is no multipart": () => ({ ...upload("just text"), status: 400, code: "multipart" }),
  "an upload that breaks off": () => ({ ...upload(form("a.jsonl", "{}").subarray(0, -9)), status: 400, code: "multipart" }),
  "an upload without a file": () => ({
    ...upload('--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nb\r\n--x--\r\n'),
    status: 400,
    code: "multipart",
  }),
  "an upload in another field": () => ({ ...upload(form("a.jsonl", "{}", "data")), status: 400, code: "multipart" }),
  "an upload upwards": () => ({ ...upload(form("../../a.jsonl", "{}")), status: 400, code: "name" }),
  "an upload with a hidden name": () => ({ ...upload(form(".a.jsonl", "{}")), status: 400, code: "name" }),
  "an upload with markup in its name": () => ({ ...upload(form("<img src=x>.jsonl", "{}")), status: 400, code: "name" }),
  "an upload that no loader reads": () => ({ ...upload(form("a.exe", "MZ")), status: 415, code: "ending" }),
  "an upload that is too large": () => ({ ...upload(form("a.jsonl", Buffer.alloc(2 ** 20 + 1, 32))), status: 413, code: "too-large" }),
};

function range(header: string): Case {
  return { path: `/api/artefacts/${done}/model%2Fconfig.json`, headers: { Range: header }, status: 416, code: "range" };
}

/** Sends a request as it is written: nothing tidies its path, and its Host may be any. */
function send({
  path,
  method = "GET",
  headers = {},
  body,
}: Case): Promise<{ status: number | undefined; type: string | undefined; text: string }> {
  const { port } = new URL(server.url);
  return new Promise((resolve, reject) => {
    const sent = request({ port, path, method, headers: { ...AUTHORIZATION, ...headers } }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      response.on("end", () => resolve({ status: response.statusCode, type: response.headers["content-type"], text }));
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** All files of the server but for those of its database, and its jobs. */
async function state(): Promise<unknown> {
  const names = readdirSync(folders.home, { recursive: true }) as string[]; // strings, as no encoding is asked for
  const { jobs } = await jsonOf(server.get("/api/jobs", { headers: AUTHORIZATION }));
  return { files: names.filter((name) => !name.startsWith("database")).sort(), jobs };
}

describe("a hostile request", () => {
  it.each(Object.keys(CASES))("is refused and leaves nothing: %s", async (name) => {
    const before = await state();
    const one = (CASES[name] as () => Case)();
    const { status, type, text } = await send(one);
    expect([status, type, text]).toEqual([one.status, expect.stringContaining("application/json"), expect.stringContaining("{")]);
    const { error, ...rest } = JSON.parse(text);
    expect([error.code, typeof error.message, rest]).toEqual([one.code, "string", {}]);
    expect(text).not.toContain(folders.home);
    expect(await state()).toEqual(before);
  });
});

test("the server is reached by its names, and asked after without a token", async () => {
  for (const Host of ["localhost", "127.0.0.1:80", "[::1]:80", "studio.example"]) {
    const { status } = await send({ path: "/api/models", headers: { Host }, status: 200, code: "" });
    expect([Host, status]).toEqual([Host, 200]);
  }
  for (const path of ["/healthz", "/readyz"]) expect(await jsonOf(server.get(path))).toEqual({ ok: true });
  const own = await send({ path: "/api/models", headers: { Origin: server.url, Host: new URL(server.url).host }, status: 200, code: "" });
  expect(own.status).toBe(200);
});

test("the log tells neither what was asked nor what is in data", async () => {
  const body = new FormData();
  body.set("file", new Blob(['{"text":"a private sentence"}\n']), "private.jsonl");
  const { id } = await jsonOf(server.get("/api/data", { method: "POST", body, headers: AUTHORIZATION }));
  const preview = await jsonOf(server.post(`/api/data/${id}/preview`, { count: 1 }, { headers: AUTHORIZATION }));
  expect(preview).toEqual({
    documents: [{ kind: "text", text: "a private sentence", origin: { source: id, line: 1 } }],
    report: { rows: 1, empty: 0, duplicates: 0 },
  });
  expect((await server.get(`/api/data/${id}`, { method: "DELETE", headers: AUTHORIZATION })).status).toBe(204);
  expect(server.log()).toContain('"route":"/api/data/:id/preview"');
  for (const word of ["private", TOKEN, "etc/passwd"]) expect(server.log()).not.toContain(word);
});

test("uploads are listed the newest first", async () => {
  const sent: string[] = [];
  for (const name of ["c", "a", "d", "b", "e", "f"]) {
    const { text } = await send({ ...upload(form(`${name}.txt`, name)), status: 201, code: "" });
    sent.unshift(JSON.parse(text).id);
  }
  const { data } = await jsonOf(server.get("/api/data", { headers: AUTHORIZATION }));
  expect(data.filter((one: { uploaded: boolean }) => one.uploaded).map(({ id }: { id: string }) => id)).toEqual(sent);
  for (const id of sent) await server.get(`/api/data/${id}`, { method: "DELETE", headers: AUTHORIZATION });
});

test("uploads have so much room together, and what is taken away makes some", async () => {
  const put = async () => {
    const { status, text } = await send({ ...upload(form("a.txt", Buffer.alloc(700 * 1024, 97))), status: 201, code: "" });
    return { status, ...JSON.parse(text) };
  };
  const answers = await Promise.all([put(), put(), put()]);
  const kept = answers.filter(({ status }) => status === 201).map(({ id }) => id);
  const refused = answers.filter(({ status }) => status !== 201);
  expect([kept.length, refused]).toEqual([2, [{ status: 507, error: { code: "full", message: expect.stringContaining("2097152") } }]]);
  expect(await put()).toMatchObject({ status: 507 });
  await server.get(`/api/data/${kept[0]}`, { method: "DELETE", headers: AUTHORIZATION });
  const { status, id } = await put();
  expect(status).toBe(201);
  for (const one of [kept[1], id]) await server.get(`/api/data/${one}`, { method: "DELETE", headers: AUTHORIZATION });
});

test("an upload whose client goes away leaves nothing, and no room taken", async () => {
  const head = Buffer.from(form("gone.txt", "abc").subarray(0, -9));
  const headers = { ...AUTHORIZATION, "Content-Type": "multipart/form-data; boundary=x", "Content-Length": String(2 ** 20) };
  const uploads = () => readdirSync(join(folders.home, "data"));
  for (let i = 0; i < 3; i++) {
    const sent = request({ port: new URL(server.url).port, path: "/api/data", method: "POST", headers });
    sent.on("error", () => {}); // it is destroyed
    sent.write(head);
    await expect.poll(uploads).toEqual([expect.stringContaining(".partial")]);
    sent.destroy();
    await expect.poll(uploads).toEqual([]);
  }
});

test("what a killed server has left of uploads is taken away by the next", async () => {
  const others = makeFolders();
  const left = join(others.home, "data", "some.partial");
  mkdirSync(left, { recursive: true });
  writeFileSync(join(left, "a.txt"), "abc");
  const next = await startServer(others);
  expect(readdirSync(join(others.home, "data"))).toEqual([]);
  await next.end();
  others.remove();
});

test("a look at data is small, however much its rows hold", async () => {
  const messages = Array.from({ length: 1000 }, (_, i) => ({ role: i % 2 ? "assistant" : "user", content: "a".repeat(1900) }));
  const packed = gzipSync(`${JSON.stringify({ messages })}\n`.repeat(10));
  const { text } = await send({ ...upload(form("wide.jsonl.gz", packed)), status: 201, code: "" });
  const { id } = JSON.parse(text);
  const preview = await server.post(`/api/data/${id}/preview`, { count: 50 }, { headers: AUTHORIZATION });
  expect(preview.status).toBe(200);
  expect((await preview.text()).length).toBeLessThan(2 ** 20);
  await server.get(`/api/data/${id}`, { method: "DELETE", headers: AUTHORIZATION });
});

test("a model that cannot be looked at is told without its path", async () => {
  const folder = join(folders.models, "broken");
  mkdirSync(folder);
  writeFileSync(join(folder, "config.json"), "[");
  const { models } = await jsonOf(server.get("/api/models", { headers: AUTHORIZATION }));
  const { id } = models.find(({ name }: { name: string }) => name === "broken");
  const response = await server.get(`/api/models/${id}`, { headers: AUTHORIZATION });
  rmSync(folder, { recursive: true });
  const text = await response.text();
  expect([response.status, text]).toEqual([400, expect.stringContaining(id)]);
  expect(text).not.toContain(folders.models);
});

test("the document of the interface names every route and how it refuses", async () => {
  const { openapi, paths } = await jsonOf(server.get("/openapi.json", { headers: AUTHORIZATION }));
  expect(openapi).toBe("3.1.0");
  expect(Object.keys(paths).sort()).toEqual([
    "/api/artefacts",
    "/api/artefacts/{job}/{file}",
    "/api/data",
    "/api/data/{id}",
    "/api/data/{id}/preview",
    "/api/jobs",
    "/api/jobs/{id}",
    "/api/jobs/{id}/cancel",
    "/api/jobs/{id}/command",
    "/api/jobs/{id}/events",
    "/api/jobs/{id}/report",
    "/api/models",
    "/api/models/{id}",
    "/api/plugins",
    "/healthz",
    "/readyz",
    "/v1/chat/completions",
    "/v1/completions",
    "/v1/models",
    "/v1/models/{model}",
  ]);
  expect(Object.keys(paths["/api/jobs"].post.responses)).toEqual(["201", "400", "404", "413", "415", "429"]);
});
