import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { installPacked, packAll } from "./pack.ts";
import { contentProblems } from "./release/contents.ts";
import { dependencyLicenceProblems } from "./release/dependency-licences.ts";
import { importProblems } from "./release/imports.ts";
import { linterProblems } from "./release/linters.ts";
import { loadProblems } from "./release/loading.ts";
import { readUnpacked, type Unpacked } from "./release/unpacked.ts";

/** What keeps a package from being published, one line a problem that begins with its name; nothing when all is well. */
export async function releaseProblems(one: Unpacked): Promise<string[]> {
  const problems = [
    ...contentProblems(one),
    ...dependencyLicenceProblems(one),
    ...(await importProblems(one)),
    ...(await loadProblems(one)),
    ...(await linterProblems(one)),
  ];
  return problems.map((problem) => `${one.manifest.name}: ${problem}`);
}

/** Packs and installs every package, built by `tsc -b` before, and checks each as its users get it. */
async function main(): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "secateur-release-"));
  try {
    const packed = await packAll(join(folder, "tarballs"));
    await installPacked(join(folder, "user"), [...packed.keys()], packed);
    const unpacked = [...packed.keys()].map((name) => readUnpacked(join(folder, "user", "node_modules", name)));
    const versions = new Set(unpacked.map(({ manifest }) => manifest.version));
    const problems = versions.size === 1 ? [] : [`the packages share no version: ${[...versions].join(", ")}`];
    for (const one of unpacked) problems.push(...(await releaseProblems(one)));
    for (const problem of problems) console.error(problem);
    console.log(problems.length === 0 ? `${unpacked.length} packages can be published` : `${problems.length} problems`);
    process.exitCode = problems.length === 0 ? 0 : 1;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (argv[1] === fileURLToPath(import.meta.url)) await main();
