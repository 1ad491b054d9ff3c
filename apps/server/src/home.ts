import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { SecateurError } from "@secateur/kit";
import { lockFolder } from "@secateur/pipeline";

/** The places in a server's own folder. */
export interface Home {
  readonly folder: string;
  readonly database: string;
  /** A folder an upload. */
  readonly uploads: string;
  /** A folder a job, by its id. */
  readonly jobs: string;
}

/** The places of a server's folder, which are made. */
export async function makeHome(folder: string): Promise<Home> {
  const home: Home = { folder, database: join(folder, "database"), uploads: join(folder, "data"), jobs: join(folder, "jobs") };
  for (const place of [home.uploads, home.jobs]) await mkdir(place, { recursive: true, mode: 0o700 });
  return home;
}

/** Takes the folder for this process, and gives what hands it back: an embedded database knows one process only. Throws SecateurError `exists`. */
export async function holdHome({ folder }: Home): Promise<() => Promise<void>> {
  try {
    return await lockFolder(folder);
  } catch (cause) {
    if (!(cause instanceof SecateurError) || cause.code !== "exists") throw cause;
    const message = `another server has ${folder}: give another --home, or a DATABASE_URL, whose database servers share`;
    throw new SecateurError("exists", message, { cause, where: { file: folder } });
  }
}
