import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SecateurError } from "@secateur/kit";
import { errorCode, ioError } from "@secateur/kit/node";
import { type Device, type OnnxRuntime, OnnxRuntimeError } from "@secateur/onnxruntime-plugin";
import envPaths from "env-paths";
import { z } from "zod";

const record = z.object({
  library: z.string(),
  source: z.string(),
  sha256: z.string(),
  version: z.string().optional(),
  files: z.record(z.string(), z.number()).optional(),
});

/** What is kept of a provider in its folder. */
export interface ProviderRecord {
  readonly library: string;
  readonly source: string;
  readonly sha256: string;
  readonly version?: string | undefined;
  /** Those that were unpacked there, with their sizes. */
  readonly files?: Readonly<Record<string, number>> | undefined;
}

/** An execution provider that a user has added. */
export interface InstalledProvider {
  readonly name: string;
  /** The path of its library. */
  readonly library: string;
  /** The file that it was added from, and that file's SHA-256. */
  readonly source: string;
  readonly sha256: string;
  readonly version?: string | undefined;
  /** Why it cannot be used. */
  readonly problem?: string;
}

/** What a provider's folder holds beside its files. */
export const RECORD = "provider.json";

/** Where a user's providers are kept: `providers` in the folder SECATEUR_DATA, or in the system's place for a user's data. */
export function defaultProvidersFolder(): string {
  return join(process.env.SECATEUR_DATA || envPaths("secateur", { suffix: "" }).data, "providers");
}

/** The providers in a folder, by name; what has no provider's record is none. Throws SecateurError `io`. */
export async function installedProviders(folder: string): Promise<InstalledProvider[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw ioError(error, "read", folder);
  }
  const found = await Promise.all(
    names
      .filter(isProviderName)
      .sort()
      .map((name) => readProvider(folder, name)),
  );
  return found.filter((provider) => provider !== undefined);
}

/** Whether a provider can be called so. */
export function isProviderName(name: string): boolean {
  return /^[a-z0-9][a-z0-9-]*$/.test(name) && name !== "cpu" && name !== "auto";
}

/** Takes a provider away, whatever state it is in. Throws SecateurError `not-found` when there is none of that name, `io`. */
export async function removeProvider(folder: string, name: string): Promise<void> {
  const place = join(folder, name);
  if (name === "cpu") throw new SecateurError("usage", "cpu is ONNX Runtime's own provider: it cannot be removed");
  if (!isProviderName(name) || !(await stat(place).catch(() => undefined)))
    throw noProvider(
      name,
      (await installedProviders(folder)).map((provider) => provider.name),
    );
  await rm(place, { recursive: true, force: true }).catch((error: unknown) => {
    throw ioError(error, "remove", place);
  });
}

/** The devices of an added provider. Throws as `devicesOf`, and `format` for one that is damaged. */
export async function loadProvider(ort: OnnxRuntime, { name, library, problem }: InstalledProvider): Promise<Device[]> {
  if (problem !== undefined) throw new SecateurError("format", problem, { where: { file: library } });
  return devicesOf(ort, name, library);
}

/** Loads a provider's library and gives its devices. Throws SecateurError `format` for one that is no provider, `unsupported` when it has no device here. */
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
  return new SecateurError("not-found", `there is no provider ${JSON.stringify(name)}; there are ${["cpu", ...known].join(", ")}`);
}

/** A provider by its folder; undefined where none was added. */
export async function readProvider(folder: string, name: string): Promise<InstalledProvider | undefined> {
  const place = join(folder, name);
  let text: string;
  try {
    text = await readFile(join(place, RECORD), "utf8");
  } catch (error) {
    if (["ENOENT", "ENOTDIR", "EISDIR"].includes(errorCode(error) ?? "")) return undefined;
    throw ioError(error, "read", join(place, RECORD));
  }
  let kept: ProviderRecord;
  try {
    kept = record.parse(JSON.parse(text));
  } catch {
    return { name, library: place, source: "", sha256: "", problem: damaged(name, `${join(place, RECORD)} is no record of one`) };
  }
  const { files = {}, library, ...facts } = kept;
  const provider = { ...facts, name, library: resolve(place, library) };
  for (const [file, bytes] of Object.entries(files)) {
    const size = (await stat(join(place, file)).catch(() => undefined))?.size;
    if (size !== bytes)
      return { ...provider, problem: damaged(name, `${join(place, file)} has ${size ?? "no"} bytes instead of ${bytes}`) };
  }
  return provider;
}

function damaged(name: string, what: string): string {
  return `the provider ${name} is damaged: ${what}; remove it and add it again`;
}
