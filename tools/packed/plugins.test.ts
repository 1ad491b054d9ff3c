import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { installPacked, installProjects, pnpm } from "../src/pack.ts";
import { CAN_INSTALL, installFolder, node, packedPackages } from "./packages.ts";

const packed = packedPackages();
const folder = installFolder("plugins");
const user = join(folder, "user");

/** One of each kind, as arguments of `plugins new`, and the folder that it makes. */
const PLUGINS: readonly [kind: string, name: string, folder: string, ...more: string[]][] = [
  ["scorer", "my-scorer", "secateur-scorer-my-scorer"],
  ["fuser", "@you/my-fuser", "secateur-fuser-my-fuser", "--license", "mit", "--author", "You"],
  ["allocator", "my-allocator", "allocator", "--out", "allocator"],
  ["loader", "my-loader", "secateur-data-my-loader"],
  ["backend", "my-backend", "secateur-backend-my-backend"],
];

/** Runs the packed command in the user's folder. */
function secateur(...args: readonly string[]): Promise<string> {
  const program = join(user, "node_modules/secateur");
  const { bin } = JSON.parse(readFileSync(join(program, "package.json"), "utf8")) as { bin: { secateur: string } };
  return node(user, join(program, bin.secateur), ...args);
}

describe.skipIf(!CAN_INSTALL)("plugins that the packed command begins", () => {
  beforeAll(async () => {
    await installPacked(user, ["secateur"], packed);
    for (const [kind, name, , ...more] of PLUGINS) await secateur("plugins", "new", kind, name, ...more);
    await installProjects(user, Object.fromEntries(PLUGINS.map(([, , made]) => [made, undefined])), packed);
  });

  it.for(PLUGINS)("the %s is typed, passes its own test and is built", async ([, , made]) => {
    const project = join(user, made);
    await node(project, "node_modules/typescript/bin/tsc");
    const tests = await node(project, "node_modules/vitest/vitest.mjs", "run");
    expect(tests).toMatch(/Tests +\d+ passed/);
    await node(project, "node_modules/typescript/bin/tsc", "-p", "tsconfig.build.json");
  });

  it("the demo model is pruned with them, by their files and by a package's name", async () => {
    await pnpm(join(user, "secateur-scorer-my-scorer"), "pack", "--pack-destination", folder);
    const installed = { "secateur-scorer-my-scorer": `file:${join(folder, "secateur-scorer-my-scorer-0.1.0.tgz")}` };
    await installPacked(user, ["secateur", "@secateur/kit"], packed, installed);

    const demo = join(user, "node_modules/secateur/demo");
    const data = ["--general", join(demo, "sort.calibration.jsonl"), "--task", `math=${join(demo, "arithmetic.calibration.jsonl")}`];
    const size = ["--sparsity", "0.5", "--samples", "8", "--seq-len", "64"];
    const prune = (out: string, ...more: readonly string[]) => secateur("prune", demo, ...data, ...size, "--out", out, ...more);
    const weights = (out: string) => readFileSync(join(user, out, "model.safetensors"));

    await prune("by-name", "--scorer", "my-scorer");
    await prune("by-file", "--scorer", "./secateur-scorer-my-scorer/dist/index.js");
    await prune("wanda", "--scorer", "wanda");
    expect(weights("by-file").equals(weights("by-name"))).toBe(true);
    expect(weights("by-name").equals(weights("wanda"))).toBe(true); // which it is at power 1
    await prune("power", "--scorer", "my-scorer", "--scorer-option", "power=0.5");
    expect(weights("power").equals(weights("wanda"))).toBe(false);

    await prune("all", "--fusion", "./secateur-fuser-my-fuser/dist/index.js", "--allocate", "./allocator/dist/index.js");
    const manifest = JSON.parse(readFileSync(join(user, "all/secateur.json"), "utf8")) as { sparsity: { ratio: number } };
    expect(manifest.sparsity.ratio).toBeCloseTo(0.5, 4);
    expect(await secateur("plugins")).toMatch(/my-scorer +absolute values of the weights times a power/);
  });
});
