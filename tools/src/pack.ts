import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const run = promisify(execFile);
const root = fileURLToPath(new URL("../..", import.meta.url));

/** A package as it would be published. */
export interface PackedPackage {
  readonly name: string;
  readonly version: string;
  /** Absolute path of its tarball. */
  readonly file: string;
  /** Folder of its sources in this repository, absolute. */
  readonly source: string;
}

/** Runs pnpm in a folder: the one that started this process, else the one that npx fetches. A failure carries all that it printed. */
export async function pnpm(folder: string, ...args: string[]): Promise<string> {
  const own = process.env.npm_execpath;
  const started = own !== undefined && /pnpm[^/\\]*$/.test(own);
  const scripted = started && /\.[cm]?js$/.test(own); // pnpm is a program of its own, or a script where it was installed as such
  const [command, first] = scripted ? [process.execPath, [own]] : started ? [own, []] : ["npx", ["-y", "pnpm@12"]];
  try {
    return (await run(command, [...first, ...args], { cwd: folder, maxBuffer: 1 << 26 })).stdout;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`pnpm ${args.join(" ")} in ${folder}:\n${stdout ?? ""}${stderr ?? ""}`, { cause: error });
  }
}

/** Packs every package that is published, built by `tsc -b` before, into `folder`, which is made. By name, in the order of names. */
export async function packAll(folder: string): Promise<Map<string, PackedPackage>> {
  await mkdir(folder, { recursive: true });
  await pnpm(root, "--recursive", "--filter=./packages/*", "--filter=./apps/*", "pack", "--pack-destination", folder);
  const packed = new Map<string, PackedPackage>();
  for (const group of ["packages", "apps"]) {
    for (const name of await readdir(join(root, group))) {
      const source = join(root, group, name);
      const manifest = await manifestOf(source);
      if (manifest === undefined) continue;
      const tarball = `${manifest.name.replace(/^@/, "").replace("/", "-")}-${manifest.version}.tgz`;
      packed.set(manifest.name, { name: manifest.name, version: manifest.version, file: join(folder, tarball), source });
    }
  }
  return new Map([...packed].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/**
 * Makes `folder` a project of its own that has the named packages installed from their tarballs, with what they declare and no more: the
 * packages of this repository come from `packed`, all others from the registry or pnpm's store. `dependencies` adds further ones, name to range.
 */
export async function installPacked(
  folder: string,
  names: readonly string[],
  packed: ReadonlyMap<string, PackedPackage>,
  dependencies: Readonly<Record<string, string>> = {},
): Promise<void> {
  const own = Object.fromEntries(names.map((name) => [name, packedFile(packed, name)]));
  await installProjects(folder, { ".": { ...own, ...dependencies } }, packed);
}

/**
 * Installs several projects, folders in `folder` with their dependencies, at once. Nothing is hoisted: each project finds what it declares, and each package
 * what it declares. A project's dependencies are name to range; a folder that has a package.json already is given as undefined.
 */
export async function installProjects(
  folder: string,
  projects: Readonly<Record<string, Readonly<Record<string, string>> | undefined>>,
  packed: ReadonlyMap<string, PackedPackage>,
): Promise<void> {
  for (const [path, dependencies] of Object.entries(projects)) {
    await mkdir(join(folder, path), { recursive: true });
    if (dependencies === undefined) continue;
    const manifest = { name: `user-${path.replaceAll(/[^a-z-]/g, "")}`, private: true, type: "module", dependencies };
    await writeFile(join(folder, path, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  }
  // A folder with a workspace file is no part of a workspace above it.
  const lines = [
    `packages: ${JSON.stringify(Object.keys(projects))}`,
    "autoInstallPeers: false",
    "hoist: false",
    "allowBuilds: { esbuild: false, koffi: false, onnxruntime-node: false, protobufjs: false, secateur: false }",
    "overrides:",
    ...[...packed.keys()].map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(packedFile(packed, name))}`),
  ];
  await writeFile(join(folder, "pnpm-workspace.yaml"), `${lines.join("\n")}\n`);
  // pnpm takes a lockfile as frozen where CI is set, and this folder's is about to change.
  await pnpm(folder, "install", "--no-frozen-lockfile", "--prefer-offline", "--silent");
}

/** What a dependency on a packed package is declared as. */
export function packedFile(packed: ReadonlyMap<string, PackedPackage>, name: string): string {
  const found = packed.get(name);
  if (found === undefined) throw new Error(`no package ${name} among those packed: ${[...packed.keys()].join(", ")}`);
  return `file:${found.file}`;
}

async function manifestOf(folder: string): Promise<{ name: string; version: string } | undefined> {
  let text: string;
  try {
    text = await readFile(join(folder, "package.json"), "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const manifest = JSON.parse(text) as { name: string; version: string; private?: boolean };
  return manifest.private ? undefined : manifest;
}
