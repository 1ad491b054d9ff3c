import { mkdir, mkdtemp, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import util from "node:util";
import { afterAll, describe, expect, it } from "vitest";
import { openTfjs } from "../src/open.ts";
import type { RuntimeName } from "../src/runtimes.ts";
import { failureOf } from "./support.ts";

const made: string[] = [];
const { resolve } = createRequire(import.meta.url);

afterAll(async () => {
  for (const folder of made) await rm(folder, { recursive: true });
});

/** A folder in which these packages of tfjs are installed, each from its files, or as it is here. */
async function installed(packages: Readonly<Record<string, Readonly<Record<string, string>> | "real">>): Promise<string> {
  const folder = await realpath(await mkdtemp(join(tmpdir(), "secateur-tfjs-")));
  made.push(folder);
  const scope = join(folder, "node_modules/@tensorflow");
  await mkdir(scope, { recursive: true });
  for (const [name, files] of Object.entries(packages)) {
    if (files === "real") {
      await symlink(dirname(resolve(`@tensorflow/${name}/package.json`)), join(scope, name));
      continue;
    }
    const manifest = { name: `@tensorflow/${name}`, main: "index.js" };
    for (const [file, text] of Object.entries({ "package.json": JSON.stringify(manifest), ...files })) {
      await mkdir(dirname(join(scope, name, file)), { recursive: true });
      await writeFile(join(scope, name, file), text);
    }
  }
  return folder;
}

const open = (runtime: RuntimeName | "auto", folder: string) => openTfjs({ runtime, from: [folder] });
const failure = (runtime: RuntimeName | "auto", folder: string) => failureOf(() => open(runtime, folder));

// An addon that no loader takes, where tfjs-node has its own, and a package that loads it.
const ADDON = { "lib/napi-v8/tfjs_binding.node": "no library" };
const LOADS_ADDON = { "index.js": 'require("./lib/napi-v8/tfjs_binding.node");' };
const NO_OTHER =
  ". No other runtime works here; @tensorflow/tfjs-core and @tensorflow/tfjs-backend-wasm make one that needs no install script";
const GPU_WANTS = "an NVIDIA driver newer than 450, CUDA 11.2 and cuDNN 8.1";

describe("a runtime that is not there", () => {
  it.each<[RuntimeName, string]>([
    [
      "node-gpu",
      `there is no package @tensorflow/tfjs-node-gpu. Add it with \`npm install @tensorflow/tfjs-node-gpu\`; it wants ${GPU_WANTS}${NO_OTHER}`,
    ],
    ["node", `there is no package @tensorflow/tfjs-node. Add it with \`npm install @tensorflow/tfjs-node\`${NO_OTHER}`],
    [
      "wasm",
      "there is no package @tensorflow/tfjs-backend-wasm. Add it with `npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-wasm`",
    ],
    [
      "cpu",
      `there is no package @tensorflow/tfjs-backend-cpu. Add it with \`npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu\`${NO_OTHER}`,
    ],
  ])("%s: its package is named", async (name, message) => {
    expect(await failure(name, await installed({}))).toEqual(["not-found", `the tfjs runtime ${name} is not installed: ${message}`]);
  });

  it("names tfjs-core where only that is missing", async () => {
    const folder = await installed({ "tfjs-backend-cpu": { "index.js": "" } });
    expect(await failure("cpu", folder)).toEqual([
      "not-found",
      `the tfjs runtime cpu is not installed: there is no package @tensorflow/tfjs-core. Add it with \`npm install @tensorflow/tfjs-core @tensorflow/tfjs-backend-cpu\`${NO_OTHER}`,
    ]);
  });

  it("says which runtime works instead", async () => {
    const folder = await installed({ "tfjs-backend-wasm": "real" });
    const [code, message] = await failure("node", folder);
    expect(code).toBe("not-found");
    expect(message).toMatch(/\. The runtime wasm works here$/);
  });
});

describe("an addon that is not whole", () => {
  it("has no addon: the install script is named, and how to let it run", async () => {
    const folder = await installed({ "tfjs-node": LOADS_ADDON });
    const [code, message] = await failure("node", folder);
    expect(code).toBe("not-found");
    const file = join(folder, "node_modules/@tensorflow/tfjs-node/lib/napi-v*/tfjs_binding.node");
    expect(
      message.startsWith(`the tfjs runtime node has no addon: ${file} is not there. The install script of @tensorflow/tfjs-node`),
    ).toBe(true);
    expect(message).toContain('allowBuilds: { "@tensorflow/tfjs-node": true }');
    expect(message).toContain("npm rebuild @tensorflow/tfjs-node");
  });

  it("has no libtensorflow", async () => {
    const folder = await installed({ "tfjs-node-gpu": { ...LOADS_ADDON, ...ADDON } });
    const [code, message] = await failure("node-gpu", folder);
    expect(code).toBe("backend");
    const library = join(folder, "node_modules/@tensorflow/tfjs-node-gpu/deps/lib");
    expect(message.startsWith(`the tfjs runtime node-gpu has its addon, but there is no libtensorflow in ${library}: `)).toBe(true);
    expect(message.endsWith(`; it wants ${GPU_WANTS}${NO_OTHER}`)).toBe(true);
  });

  it("has a libtensorflow that does not load", async () => {
    const folder = await installed({ "tfjs-node": { ...LOADS_ADDON, ...ADDON, "deps/lib/libtensorflow.so.2": "no library either" } });
    const [code, message] = await failure("node", folder);
    expect(code).toBe("backend");
    const library = join(folder, "node_modules/@tensorflow/tfjs-node/deps/lib");
    expect(message.startsWith(`the tfjs runtime node has its addon, but the libtensorflow in ${library} does not load: `)).toBe(true);
    expect(message.endsWith(NO_OTHER)).toBe(true);
  });

  it("gets back what newer Nodes have taken away", async () => {
    const { isNullOrUndefined } = util as { isNullOrUndefined?: unknown };
    (util as { isNullOrUndefined?: unknown }).isNullOrUndefined = undefined;
    try {
      const folder = await installed({
        "tfjs-node": { "index.js": 'throw new Error("null: " + require("util").isNullOrUndefined(null));', ...ADDON },
      });
      expect((await failure("node", folder))[1]).toContain(": null: true");
    } finally {
      (util as { isNullOrUndefined?: unknown }).isNullOrUndefined = isNullOrUndefined;
    }
  });
});

describe("a runtime that loads", () => {
  const core = JSON.stringify(resolve("@tensorflow/tfjs-core"));
  const cpu = JSON.stringify(resolve("@tensorflow/tfjs-backend-cpu"));

  it("is not used where TensorFlow has no GPU", async () => {
    const folder = await installed({
      "tfjs-node-gpu": {
        "index.js": `
          const tf = require(${core});
          require(${cpu});
          tf.registerBackend("tensorflow", () => tf.findBackend("cpu"));
          module.exports = { ...tf, findBackend: () => ({ isUsingGpuDevice: false }), version: { "tfjs-node": "4.22.0" } };`,
      },
    });
    expect(await failure("node-gpu", folder)).toEqual([
      "backend",
      `the tfjs runtime node-gpu does not work: TensorFlow finds no GPU that it can use; @tensorflow/tfjs-node-gpu wants ${GPU_WANTS}${NO_OTHER}`,
    ]);
  });

  it("is not used where its results are wrong", async () => {
    const folder = await installed({
      "tfjs-core": { "index.js": `const tf = require(${core}); module.exports = { ...tf, softmax: (x) => tf.clone(x) };` },
      "tfjs-backend-cpu": { "index.js": `module.exports = require(${cpu});` },
    });
    const [code, message] = await failure("cpu", folder);
    expect(code).toBe("backend");
    expect(message).toMatch(/^the tfjs runtime cpu fails the self-test: results are off by \S+, wanted at most 0\.00001\. No other/);
  });

  it("is the first that works, and says so", async () => {
    const folder = await installed({
      "tfjs-node": LOADS_ADDON,
      "tfjs-backend-wasm": { "index.js": 'throw new Error("no WebAssembly");' },
      "tfjs-backend-cpu": "real",
    });
    const auto = await open("auto", folder);
    expect(auto.description).toMatchObject({ engine: "tfjs", provider: "cpu 4.22.0", device: "cpu", precision: "f32" });
    await auto.dispose();
    const named = await openTfjs({ runtime: "wasm" }); // found from this package
    expect(named.description.provider).toMatch(/^wasm 4\.22\.0 \((?:no )?SIMD\)$/);
    expect(named.threads).toBe(1); // tfjs starts threads in browsers only
    await named.dispose();
  });

  it("is not there at all: each is named with its fault", async () => {
    const folder = await installed({ "tfjs-backend-wasm": { "index.js": 'throw new Error("no WebAssembly");' } });
    const [code, message] = await failure("auto", folder);
    expect(code).toBe("not-found");
    expect(message).toMatch(/^no runtime of tfjs works here: the tfjs runtime node-gpu is not installed: .*; the tfjs runtime node is not/);
    expect(message).toContain(`; the tfjs runtime wasm does not load from ${join(folder, "node_modules")}`);
    expect(message).toContain(": no WebAssembly; the tfjs runtime cpu is not installed");
  });
});
