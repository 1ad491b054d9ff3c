import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { type Device, type OnnxRuntime, OnnxRuntimeError } from "@secateur/onnxruntime-plugin";
import envPaths from "env-paths";
import { z } from "zod";
import { unpackWheel } from "./wheel.ts";

const kept = z.object({ library: z.string(), source: z.string(), sha256: z.string(), version: z.string().optional() });

/** An execution provider that a user has added. */
export interface InstalledProvider {
  readonly name: string;
  /** The path of its library. */
  readonly library: string;
  /** The file that it was added from, and that file's SHA-256. */
  readonly source: string;
  readonly sha256: string;
  readonly version?: string | undefined;
}

/** Where a user's providers are kept: `providers` in the folder SECATEUR_DATA, or in the system's place for a user's data. */
export function defaultProvidersFolder(): string {
  return join(process.env.SECATEUR_DATA ?? envPaths("secateur", { suffix: "" }).data, "providers");
}

/** The providers in a folder, by name. Throws SecateurError `format` for one whose record is damaged, `io`. */
export async function installedProviders(folder: string): Promise<InstalledProvider[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw ioError(error, "read", folder);
  }
  const providers: InstalledProvider[] = [];
  for (const name of names.filter((one) => NAME.test(one)).sort()) providers.push(await readProvider(folder, name));
  return providers;
}

/**
 * Adds a provider from its library or from the wheel that holds it, once it is seen to have a device here; a library stays where it is, a wheel is unpacked. Loads native
 * code of the file into the process. Throws SecateurError `not-found`, `format` for a file that is no provider, `usage` for a name, `exists`, `unsupported` when it
 * has no device on this machine, `io`; whatever goes wrong, nothing of it stays.
 */
export async function addProvider(
  ort: OnnxRuntime,
  file: string,
  { folder, name: given, force = false }: { readonly folder: string; readonly name?: string | undefined; readonly force?: boolean },
): Promise<{ readonly provider: InstalledProvider; readonly devices: readonly Device[] }> {
  const source = resolve(file);
  const sha256 = await hashOf(source);
  const partial = join(folder, `.${randomUUID()}.partial`);
  await mkdir(partial, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "write", folder);
  });
  try {
    const wheel = source.endsWith(".whl");
    const inside = wheel ? libraryAmong(source, await unpackWheel(source, partial)) : source;
    const name = given ?? nameOf(basename(inside));
    checkName(name);
    const place = join(folder, name);
    const before = await stat(place).catch(() => undefined);
    if (before && !force)
      throw new SecateurError("exists", `a provider ${name} is there already: remove it first, or replace it by force`, {
        where: { file: place },
      });
    const devices = await devicesOf(ort, name, resolve(partial, inside));
    const version = devices[0]?.metadata.version;
    await writeRecord(partial, { library: inside, source: basename(source), sha256, ...(version !== undefined && { version }) });
    await publish(partial, place);
    return { provider: await readProvider(folder, name), devices };
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

/** Takes a provider away. Throws SecateurError `not-found` when there is none of that name, `io`. */
export async function removeProvider(folder: string, name: string): Promise<void> {
  const known = (await installedProviders(folder)).map((provider) => provider.name);
  if (!known.includes(name)) throw noProvider(name, known);
  await rm(join(folder, name), { recursive: true, force: true }).catch((error: unknown) => {
    throw ioError(error, "remove", join(folder, name));
  });
}

/** Loads a provider and gives its devices. Throws SecateurError `format` for a library that is no provider, `unsupported` when it has no device here. */
export async function devicesOf(ort: OnnxRuntime, name: string, library: string): Promise<Device[]> {
  let devices: readonly Device[];
  try {
    devices = await ort.registerProvider(library, library); // a path is a name that nothing else has
  } catch (cause) {
    if (!(cause instanceof OnnxRuntimeError)) throw cause;
    throw new SecateurError("format", `the provider ${name} does not load: ${cause.message}`, { where: { file: library }, cause });
  }
  // A provider may also offer choices among its devices as if they were one.
  const own = devices.filter(({ metadata }) => metadata.ov_meta_device === undefined);
  if (own.length > 0) return own;
  const present = ort.devices().map(({ kind, hardwareVendor }) => `${kind}${hardwareVendor && ` of ${hardwareVendor}`}`);
  const message = `the provider ${name} has no device on this machine: what it supports is not here (found: ${[...new Set(present)].join(", ")})`;
  throw new SecateurError("unsupported", message, { where: { file: library } });
}

/** The error for a provider that was not added. */
export function noProvider(name: string, known: readonly string[]): SecateurError {
  return new SecateurError("not-found", `there is no provider ${name}; there are ${["cpu", ...known].join(", ")}`);
}

const RECORD = "provider.json";
const NAME = /^[a-z0-9][a-z0-9-]*$/;
const RESERVED = ["cpu", "auto"];
const LIBRARY = /^(?:lib)?(?:onnxruntime_providers_)?(.+?)(?:_plugin|_ep)?\.(?:so|dylib|dll)$/;

function checkName(name: string): void {
  if (!NAME.test(name) || RESERVED.includes(name))
    throw new SecateurError(
      "usage",
      `${JSON.stringify(name)} is no name for a provider: small letters, digits and hyphens, and not ${RESERVED.join(" or ")}`,
    );
}

function nameOf(library: string): string {
  return (LIBRARY.exec(library)?.[1] ?? library).toLowerCase().replaceAll(/[^a-z0-9]+/g, "-");
}

/** The provider's library among the files of a wheel. */
function libraryAmong(wheel: string, files: readonly string[]): string {
  const found = files.filter((path) => /^(?:lib)?onnxruntime_providers_.*\.(?:so|dylib|dll)$/.test(basename(path)));
  const [only] = found;
  if (only !== undefined && found.length === 1) return only;
  const what =
    found.length === 0 ? "no library of a provider (onnxruntime_providers_….so, .dylib or .dll)" : `several: ${found.join(", ")}`;
  throw new SecateurError("format", `${wheel} holds ${what}`, { where: { file: wheel } });
}

async function hashOf(file: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (error) {
    if (errorCode(error) === "ENOENT") throw new SecateurError("not-found", `there is no file ${file}`, { where: { file }, cause: error });
    throw ioError(error, "read", file);
  }
  return hash.digest("hex");
}

async function writeRecord(partial: string, record: z.infer<typeof kept>): Promise<void> {
  const path = join(partial, RECORD);
  await writeFile(path, `${JSON.stringify(record, undefined, 2)}\n`).catch((error: unknown) => {
    throw ioError(error, "write", path);
  });
}

/** Puts what is whole in its place; what was there before makes way only then. */
async function publish(partial: string, place: string): Promise<void> {
  const old = `${partial}.old`;
  try {
    await rename(place, old).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
    await rename(partial, place);
  } catch (error) {
    throw ioError(error, "write", place);
  } finally {
    await rm(old, { recursive: true, force: true });
  }
}

async function readProvider(folder: string, name: string): Promise<InstalledProvider> {
  const file = join(folder, name, RECORD);
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw ioError(error, "read", file);
  }
  let record: z.infer<typeof kept>;
  try {
    record = kept.parse(JSON.parse(text));
  } catch (cause) {
    throw new SecateurError("format", `${file} is damaged: remove its folder and add the provider again`, { where: { file }, cause });
  }
  return { ...record, name, library: resolve(folder, name, record.library) };
}
