import { createHash, timingSafeEqual } from "node:crypto";
import { isIP } from "node:net";
import type { MiddlewareHandler } from "hono";
import { HttpError } from "../http-error.ts";
import type { Settings } from "../settings.ts";

/** What requests have to be like. */
export interface GuardOptions extends Pick<Settings, "token" | "names"> {
  /** Paths that are answered without the token. */
  readonly open: ReadonlySet<string>;
}

/**
 * Refuses requests by another name than the server's (a page whose name was bound to this address), those of other sites' pages, and those without the token.
 * Throws HttpError 421, 403 and 401.
 */
export function guard({ token, names, open }: GuardOptions): MiddlewareHandler {
  return async (context, next) => {
    const header = (name: string) => context.req.header(name);
    const host = header("host");
    checkHost(host, names);
    // A link of another site may lead to the page, which tells nothing by itself.
    const followed = open.has(context.req.path) && header("sec-fetch-mode") === "navigate" && header("sec-fetch-dest") === "document";
    checkOrigin(host, header("origin"), followed ? undefined : header("sec-fetch-site"));
    if (token !== undefined && !open.has(context.req.path)) checkToken(token, header("authorization"));
    await next();
    context.res.headers.set("X-Content-Type-Options", "nosniff");
    context.res.headers.set("Cross-Origin-Resource-Policy", "same-origin");
    context.res.headers.set("Referrer-Policy", "no-referrer");
    if (!context.res.headers.has("Cache-Control")) context.res.headers.set("Cache-Control", "no-store");
    if (!context.res.headers.has("Content-Security-Policy"))
      context.res.headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  };
}

function checkHost(host: string | undefined, names: readonly string[]): void {
  const name = hostName(host);
  // An address in place of a name cannot have been bound to another machine's.
  if (name !== undefined && (isIP(name) !== 0 || name === "localhost" || names.includes(name))) return;
  throw new HttpError(421, "host", "this server is not called that: --name adds a host name");
}

function hostName(host: string | undefined): string | undefined {
  const found = /^(?:\[([\da-f:.]+)\]|([\w.-]+))(?::\d{1,5})?$/i.exec(host ?? "");
  return (found?.[1] ?? found?.[2])?.toLowerCase();
}

function checkOrigin(host: string | undefined, origin: string | undefined, site: string | undefined): void {
  const own = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  if (own && (site === undefined || site === "same-origin" || site === "none")) return;
  throw new HttpError(403, "origin", "pages of other sites may not use this server");
}

function checkToken(token: string, given: string | undefined): void {
  const [, text] = /^Bearer (\S+)$/i.exec(given ?? "") ?? [];
  const digest = (value: string) => createHash("sha256").update(value).digest();
  // Digests are of one length, so that nothing can be told from the time that this takes.
  if (text !== undefined && timingSafeEqual(digest(text), digest(token))) return;
  throw new HttpError(401, "token", "the header Authorization: Bearer TOKEN was wanted", { "WWW-Authenticate": "Bearer" });
}
