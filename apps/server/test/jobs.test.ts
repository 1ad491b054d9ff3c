import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type Postgres, postgresPrograms, startPostgres } from "./postgres.ts";
import { type Folders, jsonOf, makeFolders, readEvents, type ServerProcess, startServer, startWorker } from "./server-process.ts";

let folders: Folders;
let server: ServerProcess;

/** Rows that the reference backend is at for some seconds. */
function longRows(): string {
  const row = (r: number): string => JSON.stringify({ input_ids: Array.from({ length: 128 }, (_, t) => (r * 31 + t * t) % 96) });
  return Array.from({ length: 24 }, (_, r) => `${row(r)}\n`).join("");
}

async function upload(name: string, text: string): Promise<string> {
  const body = new FormData();
  body.set("file", new Blob([text]), name);
  const response = await server.get("/api/data", { method: "POST", body });
  expect(response.status).toBe(201);
  return (await jsonOf(response)).id;
}

async function modelId(name: string): Promise<string> {
  const { models } = await jsonOf(server.get("/api/models"));
  return models.find((model: { name: string }) => model.name === name).id;
}

async function begin(kind: string, recipe: unknown): Promise<string> {
  const response = await server.post("/api/jobs", { kind, recipe });
  const body = await jsonOf(response);
  expect([response.status, body]).toEqual([201, expect.objectContaining({ state: "queued" })]);
  return body.id;
}

async function jobState(id: string): Promise<{ state: string; attempts: number; error?: { message: string } }> {
  return jsonOf(server.get(`/api/jobs/${id}`));
}

/** The files of a prune's model but for the one that tells times, name → bytes. */
function modelFiles(job: string): Map<string, Buffer> {
  const folder = join(folders.home, "jobs", job, "model");
  const names = readdirSync(folder).filter((name) => name !== "run.json");
  return new Map(names.map((name) => [name, readFileSync(join(folder, name))]));
}

const programs = postgresPrograms();
const databases = programs === undefined ? ["embedded"] : ["embedded", "PostgreSQL"];
if (programs === undefined) console.error("jobs on PostgreSQL are not tested: it is not in /usr/lib/postgresql");

describe.each(databases)("jobs, in a database that is %s", (database) => {
  let postgres: Postgres | undefined;
  beforeAll(async () => {
    if (database !== "embedded" && programs !== undefined) postgres = await startPostgres(programs);
    folders = { ...makeFolders(), databaseUrl: postgres?.url };
  });
  afterEach(async () => {
    await server.end();
  });
  afterAll(async () => {
    folders.remove();
    await postgres?.end();
  });

  it("goes on after the server is killed, to the same bytes as without", async () => {
    server = await startServer(folders);
    const general = await upload("long.jsonl", longRows());
    const recipe = { model: await modelId("llama"), general: [{ source: general }], samples: 24, sparsity: 0.5, backend: "reference" };
    const interrupted = await begin("prune", recipe);
    const before = await readEvents(server, interrupted, { until: ({ type, data }) => type === "block" && data.block === 1 });
    await server.kill();
    expect(existsSync(join(folders.home, "jobs", interrupted, "model"))).toBe(false);

    server = await startServer(folders);
    const after = await readEvents(server, interrupted, { after: before.at(-1)?.id ?? 0 });
    expect(after.at(-1)?.data).toEqual({ state: "done" });
    expect(Math.min(...after.map(({ id }) => id))).toBeGreaterThan(before.at(-1)?.id ?? 0);
    const resumed = after.filter(({ type, data }) => type === "block" && data.resumed === true);
    expect(resumed.length).toBeGreaterThan(0);
    expect(await jobState(interrupted)).toMatchObject({ state: "done", attempts: 2 });
    // Nothing is left to come: a browser stops asking.
    const rest = await server.get(`/api/jobs/${interrupted}/events`, { headers: { "Last-Event-ID": String(after.at(-1)?.id) } });
    expect(rest.status).toBe(204);

    const whole = await begin("prune", recipe);
    await readEvents(server, whole);
    expect(await jobState(whole)).toMatchObject({ state: "done", attempts: 1 });
    expect([...modelFiles(whole).keys()]).toContain("model.safetensors");
    expect(modelFiles(interrupted)).toEqual(modelFiles(whole));
    // What people who share a server are given names things as it lists them, wherever it is started.
    const manifest = JSON.parse(String(modelFiles(whole).get("secateur.json")));
    expect(manifest).toMatchObject({
      recipe: { model: "llama", general: [{ source: "long.jsonl" }] },
      model: { source: "llama" },
      data: [{ sources: ["long.jsonl"] }],
    });

    // What was made is a model, and its files are served whole and in parts.
    const { models } = await jsonOf(server.get("/api/models"));
    expect(models.map(({ job }: { job?: string }) => job)).toContain(whole);
    const bytes = modelFiles(whole).get("model.safetensors") as Buffer;
    const path = `/api/artefacts/${whole}/${encodeURIComponent("model/model.safetensors")}`;
    const all = await server.get(path);
    expect([all.status, all.headers.get("content-security-policy"), all.headers.get("x-content-type-options")]).toEqual([
      200,
      "sandbox",
      "nosniff",
    ]);
    expect(Buffer.from(await all.arrayBuffer()).equals(bytes)).toBe(true);
    const part = await server.get(path, { headers: { Range: "bytes=10-19" } });
    expect([part.status, part.headers.get("content-range")]).toEqual([206, `bytes 10-19/${bytes.length}`]);
    expect(Buffer.from(await part.arrayBuffer())).toEqual(bytes.subarray(10, 20));
  });

  it("puts a job back when it is told to end, and goes on with it later", async () => {
    server = await startServer(folders);
    const general = await upload("long.jsonl", longRows());
    const recipe = { model: await modelId("llama"), general: [{ source: general }], samples: 24, sparsity: 0.4, backend: "reference" };
    const job = await begin("prune", recipe);
    await readEvents(server, job, { until: ({ type }) => type === "block" });
    expect(await server.end()).toBe(0);
    server = await startServer(folders);
    const events = await readEvents(server, job);
    expect(events.at(-1)?.data).toEqual({ state: "done" });
    expect(events.some(({ type, data }) => type === "block" && data.resumed === true)).toBe(true);
  });

  it("cancels a job that runs, and leaves nothing of it", async () => {
    server = await startServer(folders);
    const general = await upload("long.jsonl", longRows());
    const recipe = { model: await modelId("llama"), general: [{ source: general }], samples: 24, sparsity: 0.5, backend: "reference" };
    const job = await begin("prune", recipe);
    await readEvents(server, job, { until: ({ type }) => type === "block" });
    expect((await server.post(`/api/jobs/${job}/cancel`, {})).status).toBe(202);
    const events = await readEvents(server, job);
    expect(events.at(-1)?.data).toEqual({ state: "cancelled" });
    expect(existsSync(join(folders.home, "jobs", job))).toBe(false);
    expect((await jsonOf(server.get(`/api/artefacts?job=${job}`))).artefacts).toEqual([]);
    expect((await server.get(`/api/jobs/${job}`, { method: "DELETE" })).status).toBe(204);
    expect((await server.get(`/api/jobs/${job}`)).status).toBe(404);
  });

  it("keeps a bounded queue, and does what waits in it after a restart", async () => {
    server = await startServer(folders, "--workers", "0", "--max-queue", "2");
    const recipe = { model: await modelId("llama"), sparsity: 0.5, scorer: "magnitude", backend: "reference" };
    const [first, second] = [await begin("prune", recipe), await begin("prune", recipe)];
    const refused = await server.post("/api/jobs", { kind: "prune", recipe });
    expect([refused.status, (await jsonOf(refused)).error.code]).toEqual([429, "queue"]);
    await server.post(`/api/jobs/${first}/cancel`, {});
    expect(await jobState(first)).toMatchObject({ state: "cancelled" });
    const metrics = await (await server.get("/metrics")).text();
    expect(metrics).toContain('secateur_jobs{state="queued"} 1');
    if (database === "embedded")
      await expect(startServer(folders)).rejects.toThrow(/ended with 2: error: another server has \S+home: give/);
    await server.end();
    server = await startServer(folders);
    expect((await readEvents(server, second)).at(-1)?.data).toEqual({ state: "done" });
    expect(await jobState(first)).toMatchObject({ state: "cancelled" });
  });

  it("fails a job whose message no database keeps as it is", async () => {
    server = await startServer(folders);
    const model = await modelId("llama");
    // The message shows the start of the line: with a zero byte, or cut within a surrogate pair.
    for (const [line, shown] of [
      ['{"text": "a\0b', '{"text": "a\ufffdb'],
      [`{"text": "${"x".repeat(49)}\u{1f600} and more`, `${"x".repeat(49)}\ufffd`],
    ] as const) {
      const id = await begin("eval", { model, data: await upload("odd.jsonl", `${line}\n`), backend: "reference" });
      const last = (await readEvents(server, id)).at(-1);
      expect(last?.data).toEqual({ state: "failed", error: { code: "data", message: expect.stringContaining(shown) } });
      expect(await jobState(id)).toMatchObject({ state: "failed", attempts: 1 });
    }
  });

  it("calibrates, prunes from the statistics, evaluates and compares", async () => {
    server = await startServer(folders);
    const model = await modelId("llama");
    const { data } = await jsonOf(server.get("/api/data"));
    const idOf = (name: string): string => data.find((one: { name: string }) => one.name === name).id;
    const [general, task] = [idOf("llama/calibration.jsonl"), idOf("llama/task-a.jsonl")];
    const reading = { general: [{ source: general }], tasks: [{ name: "a", source: task }], backend: "reference", samples: 4 };
    const statistics = await begin("calibrate", { model, ...reading });
    const pruned = await begin("prune", { model, stats: "later", sparsity: 0.5 }).catch(() => undefined);
    expect(pruned).toBeUndefined(); // statistics have to be there
    const measured = { model, data: general, backend: "reference", samples: 2, maxTokens: 4 };
    expect(await begin("eval", { ...measured, against: "nothing" }).catch(() => undefined)).toBeUndefined();
    expect((await readEvents(server, statistics)).at(-1)?.data).toEqual({ state: "done" });
    const jobs = [
      await begin("prune", {
        ...{ model, stats: statistics, sparsity: 0.5, backend: "reference" },
        measure: { evaluate: [{ name: "b", source: task }], evaluateSamples: 2, evaluateSeqLen: 16 },
      }),
      await begin("eval", measured),
      await begin("compare", {
        recipe: { model, ...reading, sparsity: 0.5 },
        mixtures: [0.5],
        evaluate: [],
        evaluateSamples: 2,
        evaluateMaxTokens: 4,
      }),
      await begin("eval", { ...measured, against: model }),
    ];
    for (const job of jobs) {
      const last = (await readEvents(server, job)).at(-1)?.data;
      expect([last, await jobState(job)]).toEqual([{ state: "done" }, expect.objectContaining({ state: "done" })]);
    }
    expect(await jobState(jobs[0] as string)).toMatchObject({
      result: { quality: [{ name: "b", sources: ["llama/task-a.jsonl"], documents: 2 }] },
    });
    const { artefacts } = await jsonOf(server.get(`/api/artefacts?job=${jobs[1]}`));
    expect(artefacts.map(({ file }: { file: string }) => file)).toEqual(["evaluation.json"]);
    for (const job of jobs.slice(2)) expect(JSON.stringify(await jobState(job))).not.toContain(folders.models);
    expect(await jobState(jobs[3] as string)).toMatchObject({ result: { metric: "distance", divergence: { value: 0 } } }); // from itself

    const listed: { id: string; result?: unknown }[] = (await jsonOf(server.get("/api/jobs"))).jobs;
    expect(listed.filter(({ id }) => jobs.includes(id)).map(({ result }) => result)).toEqual(jobs.map(() => undefined));

    // What people look at: the report, and the command that gives the same, with the names that are listed.
    for (const job of [jobs[0], jobs[2]]) {
      const report = await server.get(`/api/jobs/${job}/report`);
      const [page, type] = [await report.text(), report.headers.get("content-type")];
      expect([report.status, type, report.headers.get("content-security-policy")]).toEqual([200, "text/html; charset=UTF-8", "sandbox"]);
      expect(page).toContain("<h1><bdi>llama</bdi>");
      expect(page).not.toContain(folders.models);
    }
    expect((await server.get(`/api/jobs/${jobs[1]}/report`)).status).toBe(404);
    const commandOf = async (job: string | undefined) => (await jsonOf(server.get(`/api/jobs/${job}/command`))).command;
    const data0 = "--general llama/calibration.jsonl --task a=llama/task-a.jsonl --samples 4 --seed 0";
    const [id0, id1] = [statistics.slice(0, 8), jobs[0]?.slice(0, 8)];
    expect(await commandOf(statistics)).toBe(`secateur calibrate llama ${data0} --backend reference --out statistics-${id0}.safetensors`);
    expect(await commandOf(jobs[0])).toBe(
      `secateur prune llama --sparsity 0.5 --scorer wanda --backend reference --stats statistics-${id0}.safetensors --eval b=llama/task-a.jsonl --eval-samples 2 --eval-seq-len 16 --out pruned-${id1}`,
    );
    expect(await commandOf(jobs[1])).toBe(
      "secateur eval llama --data llama/calibration.jsonl --samples 2 --max-tokens 4 --backend reference",
    );
    expect(await commandOf(jobs[2])).toBe(
      `secateur compare llama ${data0} --sparsity 0.5 --scorer wanda --backend reference --mixture 0.5 --fusion shared-exclusive,max --eval-samples 2 --max-tokens 4 --out comparison-${jobs[2]?.slice(0, 8)}.html`,
    );
  });

  it.runIf(database !== "embedded")("are done by workers, another of which goes on when one is killed", async () => {
    server = await startServer(folders, "--workers", "0");
    const general = await upload("long.jsonl", longRows());
    const recipe = { model: await modelId("llama"), general: [{ source: general }], samples: 24, sparsity: 0.5, backend: "reference" };
    const first = await startWorker(folders);
    const job = await begin("prune", recipe);
    const before = await readEvents(server, job, { until: ({ type, data }) => type === "block" && data.block === 1 });
    await first.kill();
    const second = await startWorker(folders);
    const after = await readEvents(server, job, { after: before.at(-1)?.id ?? 0 });
    expect(after.at(-1)?.data).toEqual({ state: "done" });
    expect(after.some(({ type, data }) => type === "block" && data.resumed === true)).toBe(true);
    expect(second.log()).toContain(`"job":"${job}"`);
    expect(await second.end()).toBe(0);
  });
});
