import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { CommandError } from "../errors.ts";
import type { FromEngine, JobName, Jobs, PathNames, ToEngine } from "./messages.ts";

/** How a job is followed. */
export interface FollowOptions<K extends JobName> {
  readonly onEvent?: (event: Jobs[K]["event"]) => void;
  /** What the files that the job writes call the paths of its request. Default: relative to the present folder. */
  readonly names?: PathNames;
}

/** A job in an engine process of its own. */
export interface RunningJob<K extends JobName> {
  /**
   * What the job answers, once its process has ended. Throws what the job threw, SecateurError `cancelled` when it was stopped, and `internal` when the process
   * died.
   */
  readonly result: Promise<Jobs[K]["result"]>;
  /** Asks the job to stop; the process is ended after `graceMs`, and at once when it is asked again. No more is lost than the work since the last finished block. */
  stop(graceMs?: number): void;
}

// So long may a stop take.
const STOP_MS = 10_000;
// So long may the process take to end once its answer is here.
const EXIT_MS = 2_000;

/** Begins a job in an engine process of its own. */
export function startJob<K extends JobName>(
  job: K,
  request: Jobs[K]["request"],
  { onEvent, names = new Map() }: FollowOptions<K> = {},
): RunningJob<K> {
  const file = fileURLToPath(new URL(`./child${extname(import.meta.url)}`, import.meta.url));
  // What native libraries print goes to standard error: standard output is for results.
  // The runtime's threads have the cores: collecting with threads of its own, V8 took a third of the time of short runs on two cores.
  // Nobody waits for an answer meanwhile, and many small steps of marking take twice as long as one: a tenth of the time of pruning in memory.
  const execArgv = [...process.execArgv, "--single-threaded-gc", "--no-incremental-marking"];
  const child = fork(file, { execArgv, serialization: "advanced", stdio: ["ignore", 2, 2, "ipc"] });
  const timers: NodeJS.Timeout[] = [];
  const killAfter = (ms: number): void => void timers.push(setTimeout(() => child.kill("SIGKILL"), ms));
  let answer: Exclude<FromEngine<K>, { type: "event" }> | undefined;
  let stops = 0;

  function stop(graceMs: number = STOP_MS): void {
    stops++;
    if (stops > 1) return void child.kill("SIGKILL");
    post(child, { type: "cancel" });
    killAfter(graceMs);
  }
  child.on("message", (message: FromEngine<K>) => {
    if (message.type === "event") return onEvent?.(message.event);
    answer = message;
    killAfter(EXIT_MS);
  });
  async function finish(): Promise<Jobs[K]["result"]> {
    try {
      post(child, { type: "start", job, request, names } as ToEngine); // job and request are of one kind, which the union cannot see
      const [code, signal] = await ended(child);
      if (answer?.type === "done") return answer.result;
      if (stops > 0) throw new CommandError({ code: "cancelled", message: "interrupted" });
      if (answer) throw new CommandError(answer.error);
      throw died(code, signal);
    } finally {
      for (const timer of timers) clearTimeout(timer);
    }
  }
  return { result: finish(), stop };
}

/** Waits for the end of a process and for its last messages. */
async function ended(child: ChildProcess): Promise<[code: number | null, signal: NodeJS.Signals | null]> {
  const disconnected = once(child, "disconnect");
  const [exit] = await Promise.all([once(child, "exit"), disconnected]);
  return exit as [number | null, NodeJS.Signals | null];
}

/** Sends a message; a process that has just ended needs none. */
function post(child: ChildProcess, message: ToEngine): void {
  if (child.connected) child.send(message, () => {});
}

function died(code: number | null, signal: NodeJS.Signals | null): CommandError {
  const how = signal === null ? `exit code ${code}` : `signal ${signal}`;
  const memory = "the system may have run out of memory: a smaller --samples or --seq-len needs less";
  const provider =
    "where a provider was added, its library may be at fault: --backend-option provider=cpu does without, `secateur providers remove NAME` takes it away";
  const hints = signal === "SIGKILL" ? [memory] : signal === null ? [] : [provider];
  return new CommandError({ code: "internal", message: `the engine process died (${how})` }, hints);
}
