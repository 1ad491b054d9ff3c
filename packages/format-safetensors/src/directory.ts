import { readdir, readFile, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { type Json, SecateurError, type TokenizerFiles } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { isObject, JsonError, type JsonObject, parseJson } from "./json.ts";

/** The weight file of a model that is not split. */
export const SINGLE = "model.safetensors";

/** The file that says which shard holds which tensor. */
export const INDEX = "model.safetensors.index.json";

// Hundreds of times a usual tokenizer.json; what is longer does not fit a string.
const MAX_JSON_BYTES = 256 * 1024 * 1024;

/** A model's folder and the plain files in it; links are followed. */
export interface Folder {
  /** As the user named it; messages use it. */
  readonly source: string;
  /** Absolute, so that it holds when the working directory changes. */
  readonly path: string;
  /** Name → size in bytes, in the order of the names. */
  readonly files: ReadonlyMap<string, number>;
  /** Names that are left aside: version control, and weights in other formats. */
  readonly ignored: readonly string[];
}

/** Whether a path looks like a model's folder, by the names in it: safetensors or pickled weights, or a config without weights of another format. */
export async function probeFolder(source: string): Promise<boolean> {
  const names = await readdir(source).catch(() => [] as string[]);
  if (names.some((name) => name === SINGLE || name === INDEX || isPickled(name))) return true;
  return names.includes("config.json") && !names.some((name) => /\.(gguf|onnx)$/i.test(name));
}

/** Weights in Python's pickle format, which are not read. */
export function isPickled(name: string): boolean {
  return /^pytorch_model.*\.bin$/.test(name);
}

/** Lists a model's folder. Throws SecateurError `not-found` when it is missing, `unsupported` when it is a file, `format` for a link that leads nowhere. */
export async function listFolder(source: string): Promise<Folder> {
  const path = resolve(source);
  const names = await readdir(path).catch((error: unknown) => refuseFolder(source, error));
  const files = new Map<string, number>();
  const ignored = names.filter(isIgnored);
  for (const name of names.sort()) {
    if (isIgnored(name)) continue;
    const found = await stat(join(path, name)).catch((error: unknown) => refuseLink(source, path, name, error));
    if (found.isFile()) files.set(name, found.size);
  }
  return { source, path, files, ignored };
}

/** The files that hold no weights, with their sizes: those that go into a new model as they are. */
export function sideFiles(folder: Folder): { readonly name: string; readonly bytes: number }[] {
  return [...folder.files].filter(([name]) => !/\.safetensors(\.index\.json)?$/.test(name)).map(([name, bytes]) => ({ name, bytes }));
}

/** config.json. Throws SecateurError `not-found` without one, `unsupported` when it says that weights are quantized or that code comes with the model. */
export async function readConfig(folder: Folder): Promise<JsonObject> {
  const where = { file: join(folder.source, "config.json") };
  const config = await readJson(folder, "config.json");
  if (config === undefined) {
    throw new SecateurError("not-found", `${folder.source} has no config.json: give the folder of a Hugging Face model`, { where });
  }
  const quantization = config.quantization_config ?? undefined;
  if (quantization !== undefined) {
    const method = isObject(quantization) ? quantization.quant_method : undefined;
    const named = typeof method === "string" ? ` (${method})` : "";
    const message = `${folder.source} is quantized${named}, as quantization_config in its config.json says: give the model that it was made from`;
    throw new SecateurError("unsupported", message, { where });
  }
  if ((config.auto_map ?? undefined) !== undefined) {
    const message = `${folder.source} brings its own code, as auto_map in its config.json says: models with code of their own are not supported`;
    throw new SecateurError("unsupported", message, { where });
  }
  return config;
}

/** generation_config.json, where there is one. */
export function readGenerationConfig(folder: Folder): Promise<JsonObject | undefined> {
  return readJson(folder, "generation_config.json");
}

/** tokenizer.json with its settings; undefined without that file. A template comes from chat_template.jinja, or else from chat_template.json. */
export async function readTokenizer(folder: Folder): Promise<TokenizerFiles | undefined> {
  const tokenizer = await readJson(folder, "tokenizer.json");
  if (tokenizer === undefined) return undefined;
  const config = (await readJson(folder, "tokenizer_config.json")) ?? {};
  const chatTemplate = (await readText(folder, "chat_template.jinja")) ?? (await readJson(folder, "chat_template.json"))?.chat_template;
  return { tokenizer, config, ...(typeof chatTemplate === "string" ? { chatTemplate } : {}) };
}

/** A JSON object in a file of the folder; undefined without the file. Throws SecateurError `format` with line, column and byte. */
export async function readJson(folder: Folder, name: string): Promise<JsonObject | undefined> {
  const text = await readText(folder, name);
  if (text === undefined) return undefined;
  const file = join(folder.source, name);
  let value: Json;
  try {
    value = JSON.parse(text) as Json; // what JSON.parse gives is what Json names
  } catch {
    return refuseJson(text, file);
  }
  if (isObject(value)) return value;
  const found = Array.isArray(value) ? "an array" : value === null ? "null" : `a ${typeof value}`;
  throw new SecateurError("format", `${file} holds ${found}, wanted an object`, { where: { file } });
}

/** Whether two paths lead to the same folder or file, through links or not. A path that does not exist is the same as no other. */
export async function sameDirectory(a: string, b: string): Promise<boolean> {
  try {
    if ((await realpath(a)) === (await realpath(b))) return true;
    // One folder can have two real paths, on a disk that is mounted twice.
    const [left, right] = [await stat(a, { bigint: true }), await stat(b, { bigint: true })];
    return left.dev === right.dev && left.ino === right.ino;
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errorCode(error) ?? "")) return false;
    throw ioError(error, "compare", `${a} and ${b}`);
  }
}

/** What others call a model: `owner/name` for a snapshot in the Hugging Face cache, else the name of its folder. */
export async function modelName(path: string): Promise<string> {
  const real = await realpath(path);
  const snapshots = dirname(real);
  const cached = basename(snapshots) === "snapshots" ? /^models--(?:(.+?)--)?(.+)$/.exec(basename(dirname(snapshots))) : null;
  if (cached === null) return basename(resolve(path));
  return cached[1] === undefined ? (cached[2] as string) : `${cached[1]}/${cached[2]}`;
}

/** Files that are neither read nor copied: version control, and weights in formats other than the model's own, which would not be the new model's. */
function isIgnored(name: string): boolean {
  return name.startsWith(".git") || /\.(bin|bin\.index\.json|gguf|onnx|onnx_data|h5|msgpack|pt|pth|ckpt|ot)$/i.test(name);
}

async function readText(folder: Folder, name: string): Promise<string | undefined> {
  const bytes = folder.files.get(name);
  if (bytes === undefined) return undefined;
  const file = join(folder.source, name);
  if (bytes > MAX_JSON_BYTES) {
    throw new SecateurError("format", `${file} has ${bytes} bytes; the limit is ${MAX_JSON_BYTES}`, { where: { file } });
  }
  const content = await readFile(join(folder.path, name)).catch((error: unknown) => {
    throw ioError(error, "read", file);
  });
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(content);
  } catch {
    throw new SecateurError("format", `${file} is not UTF-8`, { where: { file } });
  }
}

function refuseJson(text: string, file: string): never {
  try {
    parseJson(text);
  } catch (error) {
    if (!(error instanceof JsonError)) throw error;
    const before = text.slice(0, error.position);
    const line = before.split("\n").length;
    const column = error.position - before.lastIndexOf("\n");
    const where = { file, line, byte: Buffer.byteLength(before) };
    throw new SecateurError("format", `${file} is not valid JSON at line ${line}, column ${column}: ${error.message}`, { where });
  }
  throw new SecateurError("format", `${file} is not valid JSON`, { where: { file } });
}

function refuseFolder(source: string, error: unknown): never {
  const where = { file: source };
  if (errorCode(error) === "ENOENT") throw new SecateurError("not-found", `${source} does not exist`, { where, cause: error });
  if (errorCode(error) === "ENOTDIR") {
    const message = `${source} is a file: give the folder of the model, with its config.json`;
    throw new SecateurError("unsupported", message, { where, cause: error });
  }
  throw ioError(error, "read", source);
}

async function refuseLink(source: string, path: string, name: string, error: unknown): Promise<never> {
  const file = join(source, name);
  const target = await readlink(join(path, name)).catch(() => undefined);
  if (target === undefined) throw ioError(error, "read", file);
  const message = `${file} is a link to ${target}, which does not exist: the model is not complete, download it again`;
  throw new SecateurError("format", message, { where: { file }, cause: error });
}
