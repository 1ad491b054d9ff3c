import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { type PackedPackage, packAll, pnpm } from "../src/pack.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** The packages, and the folder that tests install them in. Absent where there is no registry to install what they depend on. */
    packed: { readonly folder: string; readonly packages: readonly PackedPackage[] } | undefined;
  }
}

/** Packs all packages once for all tests. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "secateur-packed-")));
  const reason = await unreachable(folder);
  if (reason !== undefined) console.error(`the tests of packed packages are skipped: the registry cannot be reached (${reason})`);
  const packages = reason === undefined ? [...(await packAll(join(folder, "tarballs"))).values()] : [];
  project.provide("packed", reason === undefined ? { folder, packages } : undefined);
  return () => rm(folder, { recursive: true, force: true });
}

/** Why the registry does not answer; undefined when it does. */
async function unreachable(folder: string): Promise<string | undefined> {
  try {
    await pnpm(folder, "view", "zod", "version");
    return undefined;
  } catch (error) {
    return (error as Error).message.trim().split("\n").at(-1);
  }
}
