import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { build } from "esbuild";
import { beforeAll, describe, expect, it } from "vitest";
import { expectResult } from "../src/expect-result.ts";
import { installPacked } from "../src/pack.ts";
import { readExamples } from "../src/readme-examples.ts";
import { CAN_INSTALL, installFolder, packedPackages, ROOT } from "./packages.ts";

const folder = installFolder("browser");

/** What a page may get: two packages that are pure maths, the scorer's maths, and of kit the errors, the name of the general role and what plugins are defined with. */
const ALLOWED = /^@secateur\/(?:tensor\/|fusion\/|scorer-wanda\/|kit\/dist\/(?:errors|statistics|contracts)\.js$)/;

describe.skipIf(!CAN_INSTALL)("pruning a matrix in a page", () => {
  beforeAll(() => installPacked(folder, ["@secateur/fusion", "@secateur/scorer-wanda"], packedPackages()));

  it.for(["README.md", "packages/fusion/README.md"])("the first example of %s takes maths and nothing else", async (readme) => {
    const text = readFileSync(join(ROOT, readme), "utf8");
    const [example] = readExamples(text);
    const source = example?.source.replace(/^import .*?;/, ""); // what checks the results is a global here
    writeFileSync(join(folder, "page.ts"), source ?? "");
    const { metafile, outputFiles } = await build({
      absWorkingDir: folder,
      entryPoints: ["page.ts"],
      bundle: true,
      format: "iife",
      platform: "browser",
      minify: true,
      metafile: true,
      write: false,
      logLevel: "silent",
    });
    const [output] = Object.values(metafile.outputs);
    expect(output?.imports).toEqual([]); // of Node's modules none; esbuild refuses those of them that are not marked
    const used = Object.entries(output?.inputs ?? {}).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
    const modules = used.map(([path]) => path.split("node_modules/").at(-1) as string).filter((path) => path !== "page.ts");
    expect(modules.filter((path) => !ALLOWED.test(path))).toEqual([]);

    const [bundle] = outputFiles;
    runInNewContext(bundle?.text ?? "", { expectResult }); // a context that has the language's own objects and no more

    const kB = (bundle?.contents.length ?? 0) / 1000;
    console.log(`${readme}: ${kB.toFixed(1)} kB minified, ${modules.length} modules`);
    const [, stated] = /bundles to ([\d.]+) kB/.exec(text) ?? [];
    if (readme !== "README.md" || stated !== undefined) expect(Math.abs(Number(stated) / kB - 1)).toBeLessThan(0.1);
  });
});
