import { readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { PGlite } from "@electric-sql/pglite";

// The server is gone: the next one makes a database of its own.
process.on("disconnect", () => process.exit(1));

// The entry of the process that makes an embedded database: under a name of its own until it is whole, so that none is taken for one that is not.
const folder = process.argv[2] as string; // the process that starts this one gives it
const isPartial = (name: string): boolean => name.startsWith(`${basename(folder)}.`) && name.endsWith(".partial");
for (const name of (await readdir(dirname(folder))).filter(isPartial)) {
  // One whose server was killed a moment ago may still be written to: what is left then goes the next time.
  await rm(join(dirname(folder), name), { recursive: true, force: true }).catch(() => {});
}
const partial = `${folder}.${process.pid}.partial`;
const db = await PGlite.create({ dataDir: partial });
await db.close();
await rename(partial, folder);
process.exit(0);
