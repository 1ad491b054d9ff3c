import { readFileSync } from "node:fs";
import { rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { argv } from "node:process";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { noticeText, thirdPartyOf } from "./third-party.ts";

/** Where an app's bundle lies in it. */
export const BUNDLE = "bundle";

// Code that calls `require` for Node's own modules finds none in an ES module.
const REQUIRE =
  'import { createRequire as createRequireOfBundle } from "node:module";\nconst require = createRequireOfBundle(import.meta.url);';

/**
 * Writes an app's program to its folder `bundle`, from the sources of all packages: one file for each entry, files for what they share and for what is loaded
 * when it is asked for, and THIRD-PARTY.txt with the licences of others' code in it. What package.json lists as `dependencies` stays outside. Names are kept, so
 * that a stack can be read. Throws an Error for what cannot be bundled.
 */
export async function bundleApp(folder: string, entries: readonly string[]): Promise<void> {
  const manifest = JSON.parse(readFileSync(join(folder, "package.json"), "utf8")) as { dependencies?: Record<string, string> };
  const outdir = join(folder, BUNDLE);
  await rm(outdir, { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: folder,
    entryPoints: [...entries],
    entryNames: "[name]",
    outdir,
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20.19",
    conditions: ["source"],
    external: Object.keys(manifest.dependencies ?? {}),
    banner: { js: REQUIRE },
    legalComments: "none", // they are in the notice
    metafile: true,
    logLevel: "warning",
  });
  // Of each file only what is left of it counts.
  const files = Object.values(metafile.outputs).flatMap(({ inputs }) =>
    Object.entries(inputs).flatMap(([path, { bytesInOutput }]) => (bytesInOutput > 0 ? [resolve(folder, path)] : [])),
  );
  await writeFile(join(outdir, "THIRD-PARTY.txt"), noticeText(thirdPartyOf(files)));
}

if (argv[1] === fileURLToPath(import.meta.url)) await bundleApp(process.cwd(), argv.slice(2));
