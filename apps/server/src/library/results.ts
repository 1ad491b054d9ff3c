import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { Home } from "../home.ts";
import { walk } from "./inside.ts";

/** What jobs write, by their kind: the name of a folder or file in the job's own folder. */
export const RESULT: Readonly<Record<JobKind, string>> = {
  prune: "model",
  calibrate: "statistics.safetensors",
  compare: "comparison.json",
  eval: "evaluation.json",
};

/** What a job does. */
export type JobKind = "prune" | "calibrate" | "compare" | "eval";

/** A file that a finished job has left. */
export interface Artefact {
  readonly job: string;
  /** Relative to the job's folder, with `/`. */
  readonly file: string;
  readonly bytes: number;
}

/** A listed artefact, with its path. */
export interface FoundArtefact extends Artefact {
  readonly path: string;
}

/** The files of a finished job. */
export async function artefactsOf({ id, kind }: { readonly id: string; readonly kind: JobKind }, { jobs }: Home): Promise<FoundArtefact[]> {
  const found: FoundArtefact[] = [];
  for await (const { path, name, isFile } of walk(join(jobs, id), 2)) {
    if (isFile && (name === RESULT[kind] || name.startsWith(`${RESULT[kind]}/`))) {
      found.push({ job: id, file: name, bytes: (await stat(path)).size, path });
    }
  }
  return found;
}
