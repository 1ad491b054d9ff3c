import { grouped, humanDuration, percent } from "@secateur/report/text";
import { SingleBar } from "cli-progress";

/** How far something is. */
interface Progress {
  readonly label: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly perSecond: number | undefined;
}

/** Shows how far work is, and lines that stay. */
export interface ProgressView {
  update(progress: Progress): void;
  /** A line that stays on the screen; `milestone` is left out where a bar shows it already. */
  line(text: string, kind?: "notice" | "milestone"): void;
  /** Takes the bar away. Nothing may be shown afterwards. */
  stop(): void;
}

/** A bar on a terminal; elsewhere plain lines, at most one in `everyMs` besides those that stay. */
export function createProgress(stream: NodeJS.WriteStream, now: () => number = Date.now, everyMs = 5000): ProgressView {
  return stream.isTTY ? bar(stream) : lines(stream, now, everyMs);
}

function bar(stream: NodeJS.WriteStream): ProgressView {
  let shown: SingleBar | undefined;
  const take = (): void => {
    shown?.stop();
    shown = undefined;
  };
  return {
    update({ label, done, total, unit, perSecond }) {
      // Narrow terminals get a shorter bar instead of a broken line.
      const barsize = Math.max(8, Math.min(30, (stream.columns || 80) - 60));
      shown ??= start(stream, barsize, total);
      shown.setTotal(Math.max(total, 1));
      shown.update(Math.min(done, total), { label, speed: speedOf(done, total, unit, perSecond) });
    },
    line(text, kind = "notice") {
      if (kind === "milestone") return;
      take();
      stream.write(`${text}\n`);
    },
    stop: take,
  };
}

function start(stream: NodeJS.WriteStream, barsize: number, total: number): SingleBar {
  const made = new SingleBar({
    stream,
    barsize,
    format: "{bar} {percentage} %  {label}  {speed}",
    barCompleteChar: "█",
    barIncompleteChar: "░",
    hideCursor: true,
    clearOnComplete: true,
    fps: 8,
    gracefulExit: false, // signals are the command's
  });
  made.start(Math.max(total, 1), 0, { label: "", speed: "" });
  return made;
}

function lines(stream: NodeJS.WritableStream, now: () => number, everyMs: number): ProgressView {
  let last = now();
  return {
    update({ label, done, total, unit, perSecond }) {
      if (now() - last < everyMs) return;
      last = now();
      const speed = speedOf(done, total, unit, perSecond);
      stream.write(`${percent(total === 0 ? 0 : done / total)}  ${label}${speed && `  ${speed}`}\n`);
    },
    line: (text) => void stream.write(`${text}\n`),
    stop() {},
  };
}

/** `1,234 tokens/s  1 min 20 s left`, as far as it is known. */
function speedOf(done: number, total: number, unit: string, perSecond: number | undefined): string {
  if (perSecond === undefined) return "";
  const rate = perSecond < 10 ? perSecond.toFixed(1) : grouped(perSecond);
  return `${rate} ${unit}/s  ${humanDuration(Math.max(0, total - done) / perSecond)} left`;
}
