import type { Document, LoadReport } from "@secateur/kit";

/** What a job does. */
export type JobKind = "prune" | "compare" | "eval" | "calibrate";

/** Where a job stands; the last three are for good. */
export type JobState = "queued" | "running" | "done" | "failed" | "cancelled";

/** A job as the server tells it; lists leave the result out. */
export interface Job {
  readonly id: string;
  readonly kind: JobKind;
  readonly state: JobState;
  readonly cancelling: boolean;
  readonly recipe: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: string; readonly message: string };
  readonly createdAt: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly attempts: number;
}

/** A model that jobs may name. */
export interface Model {
  readonly id: string;
  readonly name: string;
  /** The job that made it. */
  readonly job?: string;
}

/** A data file that jobs may name. */
export interface Data {
  readonly id: string;
  readonly name: string;
  readonly bytes: number;
  readonly uploaded: boolean;
}

/** A file that a job has made. */
export interface Artefact {
  readonly job: string;
  readonly file: string;
  readonly bytes: number;
}

/** The first documents of a data file as its loader reads them. */
export interface Preview {
  readonly documents: readonly Document[];
  readonly report: Readonly<LoadReport>;
}

/** Whether a job's state is for good. */
export function isFinal(state: JobState): boolean {
  return state === "done" || state === "failed" || state === "cancelled";
}
