import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { Busboy, type BusboyHeaders, type BusboyInstance } from "@fastify/busboy";
import { HttpError } from "../http-error.ts";
import { type FoundData, findData, hasEnding } from "./data.ts";

/** What an upload is taken with. */
export interface UploadOptions {
  /** The folder of uploads. */
  readonly uploads: string;
  readonly endings: readonly string[];
  readonly maxBytes: number;
  /** Of all uploads together. */
  readonly maxTotalBytes: number;
}

/** Takes the file of a request. */
export type TakeUpload = (request: Request) => Promise<FoundData>;

// What a multipart body has around its file.
const FRAME_BYTES = 2 ** 16;
const PARTIAL = ".partial";
// Letters of any script; what could lead elsewhere or hide is not among these.
const NAME = /^[\p{L}\p{N}_][\p{L}\p{N} _.()+-]{0,120}$/u;

/**
 * Makes the way to take the one file of a multipart body, called `file`, as it comes in. It has its name only when it is whole, and nothing is left of one that is
 * refused. Throws HttpError 400, 413 or 415, and 507 where there is no room for it.
 */
export function createUploads(options: UploadOptions): TakeUpload {
  const { uploads, maxBytes, maxTotalBytes } = options;
  let coming = 0;
  return async (request) => {
    const type = request.headers.get("content-type") ?? "";
    if (!/^multipart\/form-data\s*;/i.test(type)) throw new HttpError(415, "content-type", "multipart/form-data with a file was wanted");
    const announced = Number(request.headers.get("content-length") ?? maxBytes); // one that does not say may be the largest
    if (announced > maxBytes + FRAME_BYTES) throw new HttpError(413, "too-large", `the file is larger than ${maxBytes} bytes`);
    if (request.body === null) throw new HttpError(400, "multipart", "the body is empty, and a file was wanted");
    const others = coming;
    coming += announced;
    try {
      if (others + announced + (await bytesOfUploads(uploads)) > maxTotalBytes)
        throw new HttpError(507, "full", `uploads may have ${maxTotalBytes} bytes together, and this one is too many: delete one first`);
      return await take(request.body, type, options);
    } finally {
      coming -= announced;
    }
  };
}

/** Takes away what is left of uploads whose server was killed; those of the last `youngMs` may still be coming in to another server. */
export async function clearUploads(uploads: string, youngMs: number): Promise<void> {
  for (const name of (await readdir(uploads)).filter((one) => one.endsWith(PARTIAL))) {
    const folder = join(uploads, name);
    const { mtimeMs } = (await stat(folder).catch(() => undefined)) ?? {};
    if (mtimeMs !== undefined && mtimeMs <= Date.now() - youngMs) await rm(folder, { recursive: true, force: true });
  }
}

async function take(body: NonNullable<Request["body"]>, type: string, { uploads, endings, maxBytes }: UploadOptions): Promise<FoundData> {
  const id = randomUUID();
  const partial = join(uploads, id + PARTIAL);
  try {
    await mkdir(partial, { recursive: true, mode: 0o700 });
    const { name, bytes } = await takeFile(body, type, { partial, endings, maxBytes });
    const folder = join(uploads, id);
    await rename(partial, folder);
    return { id, name, bytes, uploaded: true, path: join(folder, name) };
  } catch (error) {
    if (/^(?:ENOSPC|EDQUOT)$/.test((error as NodeJS.ErrnoException).code ?? ""))
      throw new HttpError(507, "full", "the disk that the server keeps uploads on is full");
    throw error;
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** The bytes of the uploads that are whole: `coming` has those that are not. */
async function bytesOfUploads(uploads: string): Promise<number> {
  return (await findData([], { uploads }, [])).reduce((sum, { bytes }) => sum + bytes, 0);
}

async function takeFile(
  body: NonNullable<Request["body"]>,
  type: string,
  { partial, endings, maxBytes }: { readonly partial: string; readonly endings: readonly string[]; readonly maxBytes: number },
): Promise<{ name: string; bytes: number }> {
  const parser = parserOf(type, maxBytes);
  let file: Promise<{ name: string; bytes: number }> | undefined;
  let content: Readable | undefined;
  parser.on("file", (field, stream, name) => {
    if (file !== undefined) return void stream.resume();
    content = stream;
    file = keep(field, stream, name);
    file.catch(() => parser.destroy()); // thrown where it is waited for, below
  });
  parser.on("filesLimit", () => {
    file = Promise.reject(new HttpError(400, "multipart", "more than one file was sent"));
    file.catch(() => {});
  });
  async function keep(field: string, stream: Readable & { truncated?: boolean }, name: string): Promise<{ name: string; bytes: number }> {
    stream.on("error", () => {}); // the pipeline below tells it
    if (field !== "file")
      throw new HttpError(400, "multipart", `the file is called ${JSON.stringify(field.slice(0, 40))}, and "file" was wanted`);
    checkName(name, endings);
    let bytes = 0;
    stream.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    await pipeline(stream, createWriteStream(join(partial, name), { flags: "wx", mode: 0o600 }));
    if (stream.truncated) throw new HttpError(413, "too-large", `the file is larger than ${maxBytes} bytes`);
    return { name, bytes };
  }
  const failure = await pipeline(Readable.fromWeb(body as Parameters<typeof Readable.fromWeb>[0]), parser).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (failure !== undefined) content?.destroy(); // a client that goes away leaves it open, and what keeps it would wait for ever
  const taken = await file?.catch((error: unknown) => {
    const ofSystem = (error as NodeJS.ErrnoException).syscall !== undefined;
    if (error instanceof HttpError || ofSystem || failure === undefined) throw error;
  });
  if (failure !== undefined) throw new HttpError(400, "multipart", "the multipart body is malformed, or ended early");
  if (taken === undefined) throw new HttpError(400, "multipart", "the body has no file");
  return taken;
}

function parserOf(type: string, maxBytes: number): BusboyInstance {
  try {
    const headers: BusboyHeaders = { "content-type": type };
    return new Busboy({ headers, preservePath: true, limits: { files: 1, fields: 0, parts: 2, fileSize: maxBytes, headerPairs: 20 } });
  } catch {
    throw new HttpError(400, "multipart", "the multipart body has no boundary");
  }
}

function checkName(name: string, endings: readonly string[]): void {
  if (!NAME.test(name)) throw new HttpError(400, "name", "the file's name has to be letters, digits and _ . ( ) + - alone, and no path");
  if (!hasEnding(name, endings)) throw new HttpError(415, "ending", `${name}: no loader reads this; endings are ${endings.join(", ")}`);
}
