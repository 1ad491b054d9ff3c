import { rename, rm } from "node:fs/promises";
import { PGlite } from "@electric-sql/pglite";

// The entry of the process that makes an embedded database: under another name until it is whole, so that none is taken for one that is not.
const folder = process.argv[2] as string; // the process that starts this one gives it
const partial = `${folder}.partial`;
await rm(partial, { recursive: true, force: true });
const db = await PGlite.create({ dataDir: partial });
await db.close();
await rm(folder, { recursive: true, force: true });
await rename(partial, folder);
process.exit(0);
