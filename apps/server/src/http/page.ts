import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { OpenAPIHono } from "@hono/zod-openapi";

/** A file of the web page. */
interface PageFile {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly headers: Readonly<Record<string, string>>;
}

/** Path of a URL → its file: what is not listed when the server starts is not there, so that no path is made of a request. */
export type Page = ReadonlyMap<string, PageFile>;

// `apps/web` builds it: into the server's bundle where that is run, else into its own folder.
const UNBUNDLED = /\/http\/page\.[jt]s$/.test(import.meta.url);
const FOLDER = fileURLToPath(new URL(UNBUNDLED ? "../../../web/bundle/" : "./web/", import.meta.url));

const TYPES: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
};

// Nothing but the server's own files, and no script or style within a page.
const POLICY =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
// Reports bring their style with them. They are shown in this page without a script, and take its policy over.
const FRAME = "/report-frame.html";
const FRAME_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** Reads the files of the web page; there are none where it has not been built. */
export async function readPage(folder: string = FOLDER): Promise<Page> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const page = new Map<string, PageFile>();
  for (const { name, parentPath } of entries.filter((entry) => entry.isFile())) {
    const file = join(parentPath, name);
    const bytes = new Uint8Array(await readFile(file));
    const path = `/${file.slice(folder.length).replaceAll("\\", "/").replace(/^\//, "")}`;
    page.set(path === "/index.html" ? "/" : path, { bytes, headers: headersOf(path, bytes) });
  }
  return page;
}

function headersOf(path: string, bytes: Uint8Array): PageFile["headers"] {
  return {
    "Content-Type": TYPES[extname(path)] ?? "application/octet-stream",
    // Names of assets have a hash of what is in them.
    "Cache-Control": path.startsWith("/assets/") ? "public, max-age=31536000, immutable" : "no-cache",
    "Content-Security-Policy": path === FRAME ? FRAME_POLICY : POLICY,
    ETag: `"${createHash("sha256").update(bytes).digest("base64url").slice(0, 22)}"`,
  };
}

/** Routes of the web page. */
export function pageRoutes(app: OpenAPIHono, page: Page): void {
  for (const [path, { bytes, headers }] of page) {
    app.get(path, ({ req }) => {
      const known = (req.header("if-none-match") ?? "").split(/\s*,\s*/).includes(headers.ETag ?? "");
      return known ? new Response(null, { status: 304, headers }) : new Response(bytes, { headers });
    });
  }
}
