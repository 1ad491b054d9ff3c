import { execFile } from "node:child_process";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
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
  await mkdir(folder, { recursive: true });
  const tarball = ({ file }: PackedPackage) => `file:${relative(folder, file)}`;
  const own = names.map((name) => {
    const found = packed.get(name);
    if (found === undefined) throw new Error(`no package ${name} among those packed: ${[...packed.keys()].join(", ")}`);
    return [name, tarball(found)] as const;
  });
  const manifest = {
    name: "user-of-packages",
    private: true,
    type: "module",
    dependencies: { ...Object.fromEntries(own), ...dependencies },
  };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, null, 2)}\n`);
  // A folder with a workspace file is no part of a workspace above it.
  const overrides = [...packed.values()].map((of) => `  ${JSON.stringify(of.name)}: ${JSON.stringify(tarball(of))}\n`).join("");
  const scripts = "allowBuilds: { esbuild: false, koffi: false, onnxruntime-node: false, protobufjs: false, secateur: false }\n";
  await writeFile(join(folder, "pnpm-workspace.yaml"), `autoInstallPeers: false\n${scripts}overrides:\n${overrides}`);
  await pnpm(folder, "install", "--prefer-offline", "--silent");
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
