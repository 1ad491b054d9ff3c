import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OpenAPIHono } from "@hono/zod-openapi";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { guard } from "../src/http/guard.ts";
import { type Page, pageRoutes, readPage } from "../src/http/page.ts";

const TOKEN = "a-token-of-enough-characters";
let folder: string;
let page: Page;
let app: OpenAPIHono;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "secateur-page-"));
  mkdirSync(join(folder, "page/assets"), { recursive: true });
  writeFileSync(join(folder, "secret.html"), "secret");
  writeFileSync(join(folder, "page/index.html"), "<!doctype html>");
  writeFileSync(join(folder, "page/report-frame.html"), "<!doctype html>");
  writeFileSync(join(folder, "page/assets/index-1234.js"), "export {};");
  page = await readPage(join(folder, "page"));
  app = new OpenAPIHono();
  app.use(guard({ token: TOKEN, names: [], open: new Set(page.keys()) }));
  app.onError((error) => new Response((error as { code?: string }).code, { status: (error as { status?: number }).status ?? 500 }));
  pageRoutes(app, page);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function get(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Response> | Response {
  return app.request(path, { headers: { host: "localhost:7373", ...headers } });
}

describe("the page's files", () => {
  it("are there without a token, each with its type, and nothing else is", async () => {
    expect([...page.keys()].sort()).toEqual(["/", "/assets/index-1234.js", "/report-frame.html"]);
    const types = await Promise.all([...page.keys()].sort().map(async (path) => (await get(path)).headers.get("content-type")));
    expect(types).toEqual(["text/html; charset=utf-8", "text/javascript; charset=utf-8", "text/html; charset=utf-8"]);
    expect((await get("/index.html")).status).toBe(401);
  });

  it.each([
    "/../secret.html",
    "/assets/../../secret.html",
    "/assets/%2e%2e/%2e%2e/secret.html",
    "/assets/..%2f..%2fsecret.html",
    "/assets/",
  ])("%s leads nowhere", async (path) => {
    const answer = await get(path, { Authorization: `Bearer ${TOKEN}` });
    expect([answer.status, await answer.text()]).toEqual([404, "404 Not Found"]);
  });

  it("are kept for good where their names have a hash, and asked for again where not", async () => {
    expect((await get("/assets/index-1234.js")).headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
    const first = await get("/");
    expect(first.headers.get("cache-control")).toBe("no-cache");
    const again = await get("/", { "If-None-Match": first.headers.get("etag") ?? "" });
    expect([again.status, await again.text()]).toEqual([304, ""]);
    expect((await get("/", { "If-None-Match": '"another"' })).status).toBe(200);
  });

  it("run and fetch nothing but the server's own, and may be framed by nobody else", async () => {
    const policyOf = async (path: string) => (await get(path)).headers.get("content-security-policy") ?? "";
    expect(await policyOf("/")).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';.* frame-ancestors 'none'$/);
    expect(await policyOf("/")).not.toContain("unsafe");
    expect(await policyOf("/report-frame.html")).toMatch(/^default-src 'none'; style-src 'unsafe-inline';.* frame-ancestors 'self'$/);
    expect((await get("/")).headers.get("x-content-type-options")).toBe("nosniff");
  });

  it("are refused to other names and other sites' pages as all else is", async () => {
    expect((await get("/", { host: "evil.example" })).status).toBe(421);
    expect((await get("/", { Origin: "https://evil.example" })).status).toBe(403);
  });

  it("are reached by links of other sites, and by nothing else of theirs", async () => {
    const link = { "Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document" };
    expect((await get("/", link)).status).toBe(200);
    expect((await get("/", { ...link, "Sec-Fetch-Dest": "iframe" })).status).toBe(403);
    expect((await get("/", { ...link, "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script" })).status).toBe(403);
    expect((await get("/", { ...link, Origin: "https://evil.example" })).status).toBe(403);
    expect((await get("/api/jobs", link)).status).toBe(403);
  });

  it("are none where the page is not built", async () => {
    expect((await readPage(join(folder, "nothing"))).size).toBe(0);
  });
});
