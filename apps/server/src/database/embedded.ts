import { fork } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { PGlite, type Transaction } from "@electric-sql/pglite";
import { SecateurError } from "@secateur/kit";
import { checkSpace } from "@secateur/pipeline";
import type { Database, Row, Sql } from "./database.ts";

// PGlite's own 128 MB of shared buffers are for far more data than the jobs of a server.
const START = ["-c", "shared_buffers=8MB"];

// A new one takes 39 MiB, and a log of 16 comes to it with the first jobs.
const NEW_BYTES = 64 * 2 ** 20;

/**
 * Opens the database in a folder, and makes it where there is none: that takes some 800 MiB for a moment, in a process of its own, which gives them back.
 * Only one process may have it open. Throws SecateurError `io`.
 */
export async function openEmbedded(folder: string): Promise<Database> {
  if (!existsSync(join(folder, "PG_VERSION"))) await create(folder);
  const db = await PGlite.create({ dataDir: folder, startParams: [...PGlite.defaultStartParams, ...START] });
  return {
    embedded: true,
    ...sqlOf(db),
    transaction: (run) => db.transaction((tx) => run(sqlOf(tx))),
    close: () => db.close(),
  };
}

function sqlOf(db: PGlite | Transaction): Sql {
  return {
    async query(text, values) {
      // Several statements go without values only.
      if (values !== undefined && values.length > 0) return (await db.query<Row>(text, [...values])).rows;
      return (await db.exec(text)).at(-1)?.rows ?? [];
    },
  };
}

async function create(folder: string): Promise<void> {
  await checkSpace(folder, NEW_BYTES);
  const file = fileURLToPath(new URL(`./create-child${extname(import.meta.url)}`, import.meta.url));
  const child = fork(file, [folder], { stdio: ["ignore", 2, 2, "ipc"] });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  if (code !== 0) throw new SecateurError("io", `the database in ${folder} could not be made (${signal ?? `exit code ${code}`})`);
}
