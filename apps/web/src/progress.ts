import { counted, grouped, percent } from "@secateur/report/text";
import type { JobEvent } from "./api/follow.ts";

/** A block of the model in a run. */
interface BlockProgress {
  readonly state: "waiting" | "active" | "done";
  /** The share of zeros that it has; undefined before it is done. */
  readonly sparsity?: number;
}

/** How far a job is, as its events have told. */
export interface Progress {
  /** What is being done; empty before anything is. */
  readonly label: string;
  readonly done: number;
  readonly total: number;
  /** What `done` and `total` count; empty for shares. */
  readonly unit: string;
  /** Work a second since the last start; undefined before that can be told. */
  readonly perSecond?: number;
  readonly secondsLeft?: number;
  readonly blocks: readonly BlockProgress[];
  /** What has come about, the latest last. */
  readonly lines: readonly string[];
  /** Where rate and time are counted from. */
  readonly from?: Mark;
}

/** So much was done at this time. */
interface Mark {
  readonly work: string;
  readonly done: number;
  readonly seconds: number;
}

/** A job that has told nothing. */
export const NO_PROGRESS: Progress = { label: "", done: 0, total: 0, unit: "", blocks: [], lines: [] };

/** How far a job is after one more event, which came at a time in seconds. */
export function progressAfter(progress: Progress, event: JobEvent, seconds: number): Progress {
  switch (event.type) {
    case "state":
      return event.state === "running" ? { ...NO_PROGRESS, lines: progress.lines } : progress;
    case "warning":
      return withLine(progress, `Warning: ${event.message}`);
    case "progress":
      return withProgress(progress, event, seconds);
    case "block":
      return withBlock(progress, event, seconds);
    case "share":
      return advanced(progress, { label: "measuring", done: number(event.share), total: 1, unit: "" }, "share", seconds);
    case "measure":
      return withMeasure(progress, event, seconds);
    case "row": {
      const { done, total } = { done: number(event.done), total: number(event.total) };
      const line = `${done} of ${counted(total, "model")} measured: ${event.variant}`;
      return { ...withLine(advanced(progress, { label: line, done, total, unit: "models" }, "rows", seconds), line), blocks: [] };
    }
    default:
      return progress;
  }
}

/** The share that is done, from 0 to 1; undefined before it can be told. */
export function shareOf({ done, total }: Progress): number | undefined {
  return total > 0 ? Math.min(1, done / total) : undefined;
}

/** How much is done, in words. */
export function amountText(progress: Progress): string {
  const share = shareOf(progress);
  if (share === undefined) return "";
  return progress.unit === "" ? percent(share) : `${grouped(progress.done)} of ${grouped(progress.total)} ${progress.unit}`;
}

function withProgress(progress: Progress, event: JobEvent, seconds: number): Progress {
  const { phase, role } = event;
  const [done, total] = [number(event.done), number(event.total)];
  if (phase === "check") return { ...progress, label: "checking the weights", done, total, unit: "tensors" };
  if (phase === "allocate" && role === undefined) return { ...progress, label: "sharing the budget out", done, total, unit: "layers" };
  const [block, count] = [number(event.block), number(event.blocks)];
  const label = [`block ${block + 1} of ${count}: ${phase}`, ...(role === undefined ? [] : [role])].join(", ");
  const blocks = Array.from({ length: count }, (_, i): BlockProgress => {
    const known = progress.blocks[i];
    if (known?.state === "done") return known;
    return { state: i === block ? "active" : "waiting" };
  });
  return { ...advanced(progress, { label, done, total, unit: "tokens" }, "tokens", seconds), blocks };
}

function withBlock(progress: Progress, event: JobEvent, seconds: number): Progress {
  const [block, count, sparsity] = [number(event.block), number(event.blocks), number(event.sparsity)];
  const line = `Block ${block + 1} of ${count}: ${event.resumed ? "already done" : `${percent(sparsity)} zero`}`;
  const blocks = Array.from({ length: count }, (_, i): BlockProgress => {
    return i === block ? { state: "done", sparsity } : (progress.blocks[i] ?? { state: "waiting" });
  });
  // Without data there are no tokens to count, and blocks are the measure.
  const counts = progress.unit === "" || progress.unit === "blocks" || progress.unit === "tensors";
  const next = counts ? advanced(progress, { label: line, done: block + 1, total: count, unit: "blocks" }, "blocks", seconds) : progress;
  const { from, ...rest } = next;
  // What was done in an earlier attempt says nothing about the speed of this one.
  const marked = event.resumed || from === undefined ? rest : { ...rest, from };
  return { ...withLine(marked, line), blocks };
}

function withMeasure(progress: Progress, event: JobEvent, seconds: number): Progress {
  const [label, share] = [`measuring ${event.variant} on ${event.data}`, number(event.share)];
  // A comparison counts models, of which the one at hand is not done.
  if (progress.unit === "models") return { ...progress, label, done: Math.floor(progress.done) + share };
  return advanced(progress, { label, done: share, total: 1, unit: "" }, label, seconds);
}

type Advance = Pick<Progress, "label" | "done" | "total" | "unit">;

function advanced(progress: Progress, advance: Advance, work: string, seconds: number): Progress {
  const { perSecond: _rate, secondsLeft: _left, from: before, ...rest } = progress;
  const { done, total } = advance;
  const same = before?.work === work && before.done <= done;
  const from = same ? before : { work, done, seconds };
  const perSecond = seconds > from.seconds && done > from.done ? (done - from.done) / (seconds - from.seconds) : undefined;
  return { ...rest, ...advance, from, ...(perSecond !== undefined && { perSecond, secondsLeft: Math.max(0, total - done) / perSecond }) };
}

const LINES = 200;

function withLine(progress: Progress, line: string): Progress {
  return { ...progress, lines: [...progress.lines, line].slice(-LINES) };
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}
