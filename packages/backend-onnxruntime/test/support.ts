import { mkdtemp, realpath } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { installedProviders } from "../src/index.ts";

/** The code and the message of the error that something fails with. */
export async function failureOf(work: () => unknown): Promise<[code: string, message: string]> {
  try {
    await work();
  } catch (error) {
    if (error instanceof SecateurError) return [error.code, error.message];
    throw error;
  }
  throw new Error("nothing failed");
}

export async function newFolder(): Promise<string> {
  return realpath(await mkdtemp(join(tmpdir(), "secateur-providers-")));
}

/** A folder of providers that can compute on this machine, for tests on real ones, or why that provider is missing here. */
export async function realProviders(name: string): Promise<{ readonly folder: string; readonly missing?: string }> {
  const folder = process.env.SECATEUR_TEST_PROVIDERS ?? "";
  const found = folder === "" ? [] : await installedProviders(folder);
  if (found.some((provider) => provider.name === name)) return { folder };
  return { folder, missing: `SECATEUR_TEST_PROVIDERS names no folder that has ${name}` };
}
