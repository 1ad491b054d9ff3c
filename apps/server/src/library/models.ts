import { readdir, realpath, stat } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Home } from "../home.ts";
import { HttpError } from "../http-error.ts";
import { idOf, isInside, walk } from "./inside.ts";

/** A model that jobs may name. */
export interface ListedModel {
  readonly id: string;
  readonly name: string;
  /** The job that made it; left out for those of the configured folders. */
  readonly job?: string;
}

/** A listed model, with its folder. */
export interface FoundModel extends ListedModel {
  readonly path: string;
}

// A folder of models, or one of owners with models each.
const DEPTH = 1;

/** The models of the configured folders, and those that jobs have made. */
export async function findModels(folders: readonly string[], { jobs }: Pick<Home, "jobs">): Promise<FoundModel[]> {
  const found: FoundModel[] = [];
  for (const folder of folders) {
    const root = await realpath(folder).catch(() => undefined);
    if (root === undefined) continue;
    if (await isModel(root, root)) found.push({ id: idOf(root), name: basename(root), path: root });
    for await (const { path, name, isFile } of walk(root, DEPTH)) {
      if (!isFile && (await isModel(root, path))) found.push({ id: idOf(path), name, path });
    }
  }
  for await (const { path, name, isFile } of walk(jobs, DEPTH)) {
    const [job = "", result] = name.split("/");
    if (!isFile && result === "model" && (await isModel(path, path))) found.push({ id: idOf(path), name: job, path, job });
  }
  return [...new Map(found.map((model) => [model.id, model])).values()];
}

/** The model of an id. Throws HttpError 404. */
export function modelOf(models: readonly FoundModel[], id: string): FoundModel {
  const found = models.find((model) => model.id === id);
  if (found === undefined) throw new HttpError(404, "not-found", `no model has the id ${JSON.stringify(id)}: /api/models lists them`);
  return found;
}

/** Whether a folder is a model's none of whose files leads out of the configured folder. */
async function isModel(root: string, folder: string): Promise<boolean> {
  if (!(await stat(join(folder, "config.json")).catch(() => undefined))?.isFile()) return false;
  const names = await readdir(folder);
  const paths = await Promise.all(names.map((name) => realpath(join(folder, name)).catch(() => undefined)));
  return paths.every((path) => path !== undefined && isInside(root, path));
}
