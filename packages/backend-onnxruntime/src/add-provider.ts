import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readdir, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { pipeline } from "node:stream/promises";
import { SecateurError, throwIfCancelled } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import type { Device, OnnxRuntime } from "@secateur/onnxruntime-plugin";
import { devicesOf, type InstalledProvider, isProviderName, type ProviderRecord, RECORD, readProvider } from "./providers.ts";
import { unpackWheel } from "./wheel.ts";

/** How a provider is added. */
export interface AddProviderOptions {
  readonly folder: string;
  /** What it is called; by its library's name when left out. */
  readonly name?: string | undefined;
  /** Replaces one of the same name. */
  readonly force?: boolean;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Adds a provider from its library or from the wheel that holds it, once it is seen to have a device here; a library stays where it is, a wheel is unpacked. Loads native
 * code of the file into the process. Throws SecateurError `not-found`, `format` for a file that is no provider, `usage` for a name, `exists`, `unsupported` when it
 * has no device on this machine, `cancelled`, `io`; whatever goes wrong, nothing of it stays.
 */
export async function addProvider(
  ort: OnnxRuntime,
  file: string,
  { folder, name: given, force = false, signal }: AddProviderOptions,
): Promise<{ readonly provider: InstalledProvider; readonly devices: readonly Device[] }> {
  const source = resolve(file);
  const sha256 = await hashOf(source, signal);
  await mkdir(folder, { recursive: true }).catch((error: unknown) => {
    throw ioError(error, "write", folder);
  });
  await clearUnfinished(folder);
  const partial = join(folder, `.${process.pid}-${randomUUID()}.partial`);
  try {
    const files = source.toLowerCase().endsWith(".whl") ? await unpackWheel(source, partial, signal) : undefined;
    const inside = files ? libraryAmong(source, Object.keys(files)) : source;
    const name = given ?? nameOf(basename(inside));
    checkName(name);
    const place = join(folder, name);
    if (!force && (await stat(place).catch(() => undefined))) {
      const message = `a provider ${name} is there already: remove it first, or replace it by force`;
      throw new SecateurError("exists", message, { where: { file: place } });
    }
    throwIfCancelled(signal);
    const devices = await devicesOf(ort, name, resolve(partial, inside));
    const version = devices[0]?.metadata.version;
    await writeRecord(partial, {
      library: inside,
      source: basename(source),
      sha256,
      ...(version !== undefined && { version }),
      ...(files && { files }),
    });
    throwIfCancelled(signal);
    await publish(partial, place);
    return { provider: (await readProvider(folder, name)) as InstalledProvider, devices }; // it was just written
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

const LIBRARY = /^(?:lib)?(?:onnxruntime_providers_)?(.+?)(?:_plugin|_ep)?\.(?:so|dylib|dll)$/;

function checkName(name: string): void {
  if (!isProviderName(name))
    throw new SecateurError(
      "usage",
      `${JSON.stringify(name)} is no name for a provider: small letters, digits and hyphens, and not cpu or auto`,
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

async function hashOf(file: string, signal: AbortSignal | undefined): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash, signal ? { signal } : {});
  } catch (error) {
    throwIfCancelled(signal);
    if (errorCode(error) === "ENOENT") throw new SecateurError("not-found", `there is no file ${file}`, { where: { file }, cause: error });
    throw ioError(error, "read", file);
  }
  return hash.digest("hex");
}

async function writeRecord(partial: string, record: ProviderRecord): Promise<void> {
  const path = join(partial, RECORD);
  try {
    await mkdir(partial, { recursive: true });
    await writeFile(path, `${JSON.stringify(record, undefined, 2)}\n`);
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

/** Puts what is whole in its place; what was there before makes way only then. */
async function publish(partial: string, place: string): Promise<void> {
  const old = `${partial}.${basename(place)}.old`;
  try {
    await rename(place, old).catch((error: unknown) => {
      if (errorCode(error) !== "ENOENT") throw error;
    });
    await rename(partial, place);
  } catch (error) {
    throw ioError(error, "write", place);
  } finally {
    await restoreOrRemove(old, place);
  }
}

/** What a process that is gone has left: what it was about to replace goes back to its place, the rest goes. */
async function clearUnfinished(folder: string): Promise<void> {
  for (const entry of await readdir(folder)) {
    const [, pid, replaced] = /^\.(\d+)-[0-9a-f-]+\.partial(?:\.(.+)\.old)?$/.exec(entry) ?? [];
    if (pid === undefined || isAlive(Number(pid))) continue;
    if (replaced === undefined) await rm(join(folder, entry), { recursive: true, force: true });
    else await restoreOrRemove(join(folder, entry), join(folder, replaced));
  }
}

async function restoreOrRemove(old: string, place: string): Promise<void> {
  const missing = (await stat(place).catch(() => undefined)) === undefined;
  if (missing) await rename(old, place).catch(() => {}); // there was none to replace
  await rm(old, { recursive: true, force: true });
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return errorCode(error) === "EPERM";
  }
}
