import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Folders, jsonOf, makeFolders, type ServerProcess, startProcess, startServer } from "./server-process.ts";

const folders: Folders = makeFolders();
const uploads = join(folders.home, "data");
mkdirSync(uploads);
const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "none", uploads]);
if (mounted.status !== 0) {
  console.error("a full disk is not tested: only root can mount a small one");
  folders.remove();
}

describe.runIf(mounted.status === 0)("a disk that is full", () => {
  let server: ServerProcess;
  beforeAll(async () => {
    server = await startServer(folders);
  });
  afterAll(async () => {
    await server.end();
    spawnSync("umount", [uploads]);
    folders.remove();
  });

  it("refuses an upload that does not fit, and leaves nothing of it", async () => {
    const put = async (bytes: number) => {
      const body = new FormData();
      body.set("file", new Blob(["a".repeat(bytes)]), "a.txt");
      const response = await server.get("/api/data", { method: "POST", body });
      return { status: response.status, ...(await jsonOf(response)) };
    };
    expect(await put(2 ** 20)).toEqual({ status: 507, error: { code: "full", message: expect.stringContaining("disk") } });
    expect(readdirSync(uploads)).toEqual([]);
    expect(await put(1000)).toMatchObject({ status: 201 });
  });
});

describe.runIf(mounted.status === 0)("a disk that has no room for a database", () => {
  it("is told at the first start", async () => {
    const small = makeFolders();
    spawnSync("mount", ["-t", "tmpfs", "-o", "size=20m", "none", small.home]);
    try {
      const server = startProcess("serve", small, ["--port", "0"]);
      const message = `serve ended with 1: error: ${join(small.home, "database")} needs ${64 * 2 ** 20} bytes more, the disk there has 20`;
      await expect(server.says(/"url":"([^"]+)"/)).rejects.toThrow(message);
      expect(readdirSync(small.home)).not.toContain("database");
    } finally {
      spawnSync("umount", [small.home]);
      small.remove();
    }
  });
});
