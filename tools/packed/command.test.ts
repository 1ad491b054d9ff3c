import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { type Ended, globalPackage, npm, type RunOptions, runProgram } from "./installed.ts";
import { CAN_INSTALL, installFolder, packedPackages, ROOT } from "./packages.ts";

const packed = packedPackages();
// A path of which an address would make something else.
const prefix = installFolder("it's #1, 50% off, ä");
const { folder: installed, command } = globalPackage(prefix, "secateur");
const user = installFolder("user");
const PRUNE = ["prune", "llama", "--general", "llama/calibration.jsonl", "--sparsity", "0.5", "--out"];

function tarball(name: string): string {
  return packed.get(name)?.file ?? `no tarball of ${name}`;
}

function secateur(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Ended> {
  return runProgram(command, args, { cwd: user, ...options });
}

function manifestOf(folder: string): Record<string, unknown> {
  return JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
}

describe.skipIf(!CAN_INSTALL)("the packed command", () => {
  beforeAll(async () => {
    // A CUDA compiler of a version that nobody knows leads to no download either.
    const tools = installFolder("tools");
    mkdirSync(tools, { recursive: true });
    writeFileSync(join(tools, "nvcc"), "#!/bin/sh\necho 'Cuda compilation tools, release 99.0'\n", { mode: 0o755 });
    await npm(installFolder("empty"), ["install", "--global", "--prefix", prefix, tarball("secateur")], tools);
    cpSync(join(ROOT, "apps/cli/test/fixtures"), user, { recursive: true });
  });

  describe("installed globally", () => {
    it("brings what it needs and nothing else", () => {
      const names = readdirSync(installed, { recursive: true }) as string[]; // strings, as no encoding is asked for
      const files = names.filter((name) => !name.startsWith("node_modules") && statSync(join(installed, name)).isFile()).sort();
      expect(files.filter((name) => !/^bundle\/[\w-]+\.js$/.test(name))).toEqual([
        "LICENSE",
        "README.md",
        "bundle/THIRD-PARTY.txt",
        ...readdirSync(join(ROOT, "apps/cli/demo"))
          .filter((name) => name !== "make.py")
          .map((name) => `demo/${name}`)
          .sort(),
        "package.json",
        "preinstall.js",
      ]);
      expect(files).toEqual(expect.arrayContaining(["bundle/bin.js", "bundle/child.js"]));
      const bytes = statSync(tarball("secateur")).size;
      console.log(`the packed command: ${(bytes / 2 ** 20).toFixed(1)} MiB in ${files.length} files`);
      expect(bytes).toBeLessThan(6 * 2 ** 20);
    });

    it("depends on native libraries alone, and on no package of this repository", () => {
      const { dependencies, optionalDependencies, peerDependencies } = manifestOf(installed);
      expect(Object.keys(dependencies as object)).toEqual(["koffi", "onnxruntime-node"]);
      expect([optionalDependencies, peerDependencies]).toEqual([undefined, undefined]);
      expect(existsSync(join(installed, "node_modules/@secateur"))).toBe(false);
    });

    it("names the licence of all code of others that is in it", () => {
      const notice = readFileSync(join(installed, "bundle/THIRD-PARTY.txt"), "utf8");
      for (const name of ["commander", "zod", "@huggingface/tokenizers", "onnx-proto"])
        expect(notice).toMatch(new RegExp(`^${name} [\\d.]+ \\(`, "m"));
      expect(notice).toContain("Permission is hereby granted");
    });

    it.runIf(process.platform === "linux" && process.arch === "x64")("fetches no CUDA library", () => {
      const folder = join(installed, "node_modules/onnxruntime-node/bin/napi-v6/linux/x64");
      const sizes = readdirSync(folder).flatMap((name) => (/providers/.test(name) ? [statSync(join(folder, name)).size] : []));
      expect(sizes.filter((size) => size > 0)).toEqual([]);
    });

    it("installs without install scripts, and then computes", async () => {
      const other = installFolder("no-scripts");
      await npm(installFolder("empty"), ["install", "--global", "--prefix", other, "--ignore-scripts", tarball("secateur")]);
      const { code, err } = await runProgram(globalPackage(other, "secateur").command, [...PRUNE, "no-scripts"], { cwd: user });
      expect([code, err]).toEqual([0, expect.stringContaining("block 3 of 3: 50.0 % zero")]);
    });

    it("says the version of its package", async () => {
      expect(await secateur(["--version"])).toEqual({ code: 0, out: `${manifestOf(installed).version}\n`, err: "" });
    });

    it("loads only what help needs for its help", async () => {
      const traces = installFolder("loaded");
      const { code, out } = await secateur(["--help"], { env: { NODE_V8_COVERAGE: traces } });
      expect([code, out]).toEqual([0, expect.stringContaining("secateur prune ./model")]);
      const urls = readdirSync(traces).flatMap((file) =>
        JSON.parse(readFileSync(join(traces, file), "utf8")).result.map(({ url }: { url: string }) => url),
      );
      const files = urls.filter((url) => url.startsWith("file:")).map((url) => relative(realpathSync(installed), fileURLToPath(url)));
      expect(files).toContain("bundle/bin.js");
      expect(files.filter((file) => dirname(file) !== "bundle")).toEqual([]);
      const sources = files.map((file) => readFileSync(join(installed, file), "utf8"));
      expect(sources.filter((source) => /\bZodType\b|from "koffi"|class Tokenizer\b|function DOMImplementation\b/.test(source))).toEqual(
        [],
      );
      const bytes = sources.reduce((sum, source) => sum + source.length, 0);
      const all = readdirSync(join(installed, "bundle")).reduce((sum, name) => sum + statSync(join(installed, "bundle", name)).size, 0);
      console.log(`help loads ${files.length} files, ${Math.round(bytes / 1024)} KiB of ${Math.round(all / 1024)}`);
      expect(bytes).toBeLessThan(340 * 1024);
    });

    it("prunes and measures the demo model", async () => {
      cpSync(join(installed, "demo"), join(user, "demo"), { recursive: true });
      const data = ["--general", "demo/lookup.calibration.jsonl", "--task", "math=demo/arithmetic.calibration.jsonl"];
      const pruned = await secateur(["prune", "demo", ...data, "--samples", "8", "--sparsity", "0.5", "--out", "smaller", "--json"]);
      expect(pruned.code, pruned.err).toBe(0);
      expect(JSON.parse(pruned.out).sparsity.zeros).toBe(1_179_648);
      const measured = await secateur(["eval", "smaller", "--data", "demo/arithmetic.eval.jsonl", "--samples", "10", "--json"]);
      expect([measured.code, JSON.parse(measured.out).metric]).toEqual([0, "answers"]);
    });

    it("ends with 2 and a sentence for wrong usage", async () => {
      const { code, out, err } = await secateur(["prune", "missing", "--sparsity", "0.5", "--scorer", "magnitude", "--out", "none"]);
      expect([code, out, err]).toEqual([2, "", expect.stringContaining("no model at missing")]);
    });

    it("ends with 130 on Ctrl-C and keeps what is done", async () => {
      const row = (r: number): string => JSON.stringify({ input_ids: Array.from({ length: 128 }, (_, t) => (r * 31 + t * t) % 96) });
      writeFileSync(join(user, "long.jsonl"), Array.from({ length: 24 }, (_, r) => `${row(r)}\n`).join(""));
      const args = [
        "prune",
        "llama",
        "--general",
        "long.jsonl",
        "--sparsity",
        "0.5",
        "--backend",
        "reference",
        "--samples",
        "24",
        "--out",
        "cut",
      ];
      const { code, err } = await secateur(args, { interruptAt: "block 1 of 3: 50.0 % zero" });
      expect([code, err]).toEqual([130, expect.stringContaining("interrupted\n  cut.partial is kept")]);
      expect(existsSync(join(user, "cut"))).toBe(false);
    });
  });

  describe("plugins of a user's own", () => {
    // Each imports kit from the user's folder: another copy than the one in the bundle.
    const scorer = (score: string): string => `import { defineScorer, SecateurError } from "@secateur/kit";
    const options = { "~standard": { version: 1, vendor: "mine", validate: (value) => ({ value }) } };
    const score = async ({ weights }) => { ${score} };
    export default defineScorer({ name: "mine", summary: "keeps the last columns", options,
      create: () => ({ needs: [], selection: { group: "row", rule: "exact" }, score }) });`;
    const KEEPS = "return { dtype: 'f32', shape: weights.shape, data: Float32Array.from(weights.data, (_, i) => i % weights.shape[1]) };";
    const REFUSES = "throw new SecateurError('unsupported', 'no square matrices, please', { where: { tensor: 'here' } });";

    beforeAll(async () => {
      writeFileSync(join(user, "package.json"), JSON.stringify({ private: true, type: "module" }));
      await npm(user, ["install", "--ignore-scripts", ...["tensor", "graph", "kit"].map((name) => tarball(`@secateur/${name}`))]);
      symlinkSync(realpathSync(join(ROOT, "node_modules/tsx")), join(user, "node_modules/tsx"));
      const files: Record<string, string> = {
        "node_modules/secateur-scorer-mine/index.js": scorer(KEEPS),
        "node_modules/secateur-scorer-mine/package.json": JSON.stringify({
          name: "secateur-scorer-mine",
          type: "module",
          exports: "./index.js",
        }),
        "node_modules/@secateur/scorer-new/index.js": scorer(KEEPS),
        "node_modules/@secateur/scorer-new/package.json": JSON.stringify({
          name: "@secateur/scorer-new",
          type: "module",
          exports: "./index.js",
        }),
        "mine.ts": scorer(KEEPS).replace("({ weights })", "({ weights }: { weights: any })"),
        "my#plugins/50% off/ä?/mine.mjs": scorer(KEEPS),
        "refuses.mjs": scorer(REFUSES),
      };
      for (const [path, text] of Object.entries(files)) {
        mkdirSync(dirname(join(user, path)), { recursive: true });
        writeFileSync(join(user, path), text);
      }
    });

    it.each(["mine", "new", "./mine.ts", "./my#plugins/50% off/ä?/mine.mjs"])(
      "prunes by %s, and names it as it was typed",
      async (name) => {
        const out = `by-${basename(name)}`;
        const { code, err } = await secateur([...PRUNE, out, "--scorer", name]);
        expect([code, err]).toEqual([0, expect.stringContaining("block 3 of 3: 50.0 % zero")]);
        const manifest = readFileSync(join(user, out, "secateur.json"), "utf8");
        expect(JSON.parse(manifest).recipe.scorer).toBe(name);
        expect(manifest).not.toContain(user);
      },
    );

    it("lists them", async () => {
      const { out } = await secateur(["plugins", "--json"]);
      const names = JSON.parse(out).scorer.map(({ name }: { name: string }) => name);
      expect(names).toEqual(expect.arrayContaining(["wanda", "mine", "new"]));
    });

    it("takes the errors of their copy of kit for its own", async () => {
      const { code, out } = await secateur([...PRUNE, "refused", "--scorer", "./refuses.mjs", "--json"]);
      expect([code, JSON.parse(out)]).toEqual([
        2,
        {
          error: {
            code: "unsupported",
            message: expect.stringContaining("no square matrices, please"),
            where: expect.objectContaining({ tensor: "here" }),
          },
        },
      ]);
      expect(existsSync(join(user, "refused"))).toBe(false);
    });
  });
});
