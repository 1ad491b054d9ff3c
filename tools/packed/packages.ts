import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { inject } from "vitest";
import type { PackedPackage } from "../src/pack.ts";

/** This repository. */
export const ROOT: string = fileURLToPath(new URL("../..", import.meta.url));

/** The packages by name; empty where there is no registry, so that tests are skipped. */
export function packedPackages(): ReadonlyMap<string, PackedPackage> {
  return new Map((inject("packed")?.packages ?? []).map((one) => [one.name, one]));
}

/** Whether tests of packed packages can be run here; where not, the setup has said why. */
export const CAN_INSTALL: boolean = inject("packed") !== undefined;

/** A folder for a test file to install in. */
export function installFolder(name: string): string {
  return join(inject("packed")?.folder ?? "", name);
}
