import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { createRegistry, type PluginKind, resolvePlugin } from "@secateur/kit/node";
import { describe, expect, onTestFinished, test } from "vitest";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const plugins = fileURLToPath(new URL("plugins", import.meta.url));

describe.each(readdirSync(plugins))("the page of a %s", (kind) => {
  const page = readFileSync(join(root, `docs/plugins/${kind}.md`), "utf8");
  const files = readdirSync(join(plugins, kind)).sort((a, b) => Number(a.includes(".test.")) - Number(b.includes(".test.")));

  test("shows the example that is tested here, and nothing else as one", () => {
    const blocks = [...page.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code]) => code);
    expect(blocks).toEqual(files.map((file) => readFileSync(join(plugins, kind, file), "utf8")));
    for (const file of files) expect(page).toContain(`\`${file}\``);
  });

  const pluginKind = { scorer: "scorer", solver: "scorer", fuser: "fuser", allocator: "allocator", backend: "backend" }[kind];
  if (pluginKind === undefined) return; // loaders and formats are not named
  test("has one that is found by its path", async () => {
    const found = await resolvePlugin(createRegistry([]), pluginKind as PluginKind, `./${files[0]}`, { from: join(plugins, kind) });
    expect(files[0]).toBe(`${found.name}.ts`);
  });
});

test("every kind has its page", () => {
  const pages = readdirSync(join(root, "docs/plugins")).map((file) => file.replace(/\.md$/, ""));
  expect(pages.filter((page) => page !== "names-and-options")).toEqual(readdirSync(plugins).sort());
});

test("the command takes the examples, with their options", async () => {
  const out = mkdtempSync(join(tmpdir(), "secateur-pages-"));
  onTestFinished(() => rmSync(out, { recursive: true, force: true }));
  const model = join(root, "fixtures/goldens/llama");
  const data = ["--general", join(model, "calibration.jsonl"), "--task", join(model, "task-a.jsonl"), "--seq-len", "16"];
  const parts = [
    ["--scorer", "./scorer/root.ts", "--scorer-option", "power=1"],
    ["--solver", "./solver/rescale.ts"],
    ["--fusion", "./fuser/power-mean.ts", "--fusion-option", "p=4"],
    ["--allocate", "./allocator/slope.ts", "--allocate-option", "slope=0.5"],
    ["--backend", "./backend/finite.ts", "--backend-option", "expand=true"],
  ];
  const command = ["prune", model, ...data, ...parts.flat(), "--sparsity", "0.5", "--out", join(out, "pruned")];
  const tsx = import.meta.resolve("tsx");
  const node = ["--conditions", "source", "--import", tsx, join(root, "apps/cli/src/bin.ts"), ...command];
  await promisify(execFile)(process.execPath, node, { cwd: plugins });
  const manifest = JSON.parse(readFileSync(join(out, "pruned/secateur.json"), "utf8"));
  expect(manifest.recipe).toMatchObject({
    scorerOptions: { power: "1" },
    fusionOptions: { p: "4" },
    allocateOptions: { slope: "0.5" },
    backendOptions: { expand: "true" },
  });
  expect(manifest.sparsity.ratio).toBe(0.5);
});
