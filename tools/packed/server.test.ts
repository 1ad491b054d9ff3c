import { spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { globalPackage, npm } from "./installed.ts";
import { CAN_INSTALL, installFolder, packedPackages, ROOT } from "./packages.ts";

const packed = packedPackages();

it.skipIf(!CAN_INSTALL)("the packed command starts the packed server beside it, which prunes", async () => {
  const prefix = installFolder("with-server");
  const tarballs = ["secateur", "@secateur/server"].map((name) => packed.get(name)?.file ?? `no tarball of ${name}`);
  await npm(installFolder("empty"), ["install", "--global", "--prefix", prefix, "--ignore-scripts", ...tarballs]);
  const folder = installFolder("served");
  cpSync(join(ROOT, "apps/cli/test/fixtures"), join(folder, "models"), { recursive: true });
  const { command } = globalPackage(prefix, "secateur");
  const args = ["serve", "--home", join(folder, "home"), "--models", join(folder, "models"), "--port", "0"];
  const server = spawn(process.execPath, [command, ...args], { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
  const exited = once(server, "exit");
  try {
    const url = await new Promise<string>((resolve, reject) => {
      let said = "";
      for (const stream of [server.stdout, server.stderr]) {
        stream.setEncoding("utf8").on("data", (chunk) => {
          said += chunk;
          const found = /"url":"([^"]+)"/.exec(said)?.[1];
          if (found !== undefined) resolve(found);
        });
      }
      exited.then(([code]) => reject(new Error(`the server ended with ${code}: ${said}`)), reject);
    });
    const page = await (await fetch(url)).text();
    const script = await fetch(url + (/src="(\/assets\/[^"]+\.js)"/.exec(page)?.[1] ?? "/no-script"));
    expect([script.status, script.headers.get("content-type")]).toEqual([200, "text/javascript; charset=utf-8"]);
    const { models } = JSON.parse(await (await fetch(`${url}/api/models`)).text());
    const body = JSON.stringify({ kind: "prune", recipe: { model: models[0].id, sparsity: 0.5, scorer: "magnitude" } });
    const begun = await fetch(`${url}/api/jobs`, { method: "POST", body, headers: { "Content-Type": "application/json" } });
    const { id } = JSON.parse(await begun.text());
    expect(await (await fetch(`${url}/api/jobs/${id}/events`)).text()).toContain('data: {"state":"done"}');
    expect(existsSync(join(folder, "home/jobs", id, "model/model.safetensors"))).toBe(true);
  } finally {
    server.kill("SIGTERM");
  }
  expect((await exited)[0]).toBe(0);
});
