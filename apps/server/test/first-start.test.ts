import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { jsonOf, makeFolders, startProcess, startServer } from "./server-process.ts";

test("servers that are killed while they make their database are not in the way of the next", async () => {
  const folders = makeFolders();
  const partials = () => readdirSync(folders.home).filter((name) => name.endsWith(".partial"));
  for (let kills = 0; kills < 2; kills++) {
    const before = partials();
    const killed = startProcess("serve", folders, ["--port", "0"]);
    await expect.poll(() => partials().filter((name) => !before.includes(name)), { timeout: 60_000 }).toHaveLength(1);
    await killed.kill();
  }
  const server = await startServer(folders);
  expect(await jsonOf(server.get("/readyz"))).toEqual({ ok: true });
  expect(await server.end()).toBe(0);
  folders.remove();
});
