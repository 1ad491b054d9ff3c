import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import { SecateurError } from "@secateur/kit";
import { CommandError } from "../errors.ts";
import type { Told } from "./answer.ts";
import type { AnswerRequest, FromAnswering, ToAnswering } from "./messages.ts";

/** Answers requests in a process of its own, which begins with the first request and ends some time after the last. */
export interface Answering {
  /**
   * What comes of a request: first how many tokens its prompts have, then pieces. Who stops reading, or aborts, stops the work. Throws ContextLengthError for prompts
   * that are too long, what the engine throws, SecateurError `cancelled` when it was aborted or the process was ended for another request, and `internal` when it died.
   */
  answer(request: AnswerRequest, signal: AbortSignal): AsyncGenerator<Told, void, undefined>;
  /** Ends the process, with what it is at. */
  end(): void;
}

/** How long things may take. */
export interface AnsweringLimits {
  /** Milliseconds to open a model and to read prompts by its tokenizer and template, which come from anywhere, and to stop when a request is given up: then the process is ended. */
  readonly readingMs: number;
  /** Milliseconds without a request after which the process is ended, and its models are closed. */
  readonly idleMs: number;
}

const LIMITS: AnsweringLimits = { readingMs: 30_000, idleMs: 300_000 };

/** Thrown for prompts that do not fit the positions of a model, with what is to be written after them. */
export class ContextLengthError extends SecateurError {
  constructor(message: string) {
    super("data", message);
    this.name = "ContextLengthError";
  }
}

/** Makes what answers requests. */
export function createAnswering(limits: AnsweringLimits = LIMITS): Answering {
  let current: Process | undefined;
  let idle: NodeJS.Timeout | undefined;
  let requests = 0;

  function processNow(): Process {
    if (!current?.alive()) current = startProcess(limits.readingMs);
    return current;
  }
  function end(): void {
    clearTimeout(idle);
    current?.end();
    current = undefined;
  }
  return {
    async *answer(request, signal) {
      clearTimeout(idle);
      requests++;
      try {
        yield* processNow().answer(request, signal);
      } finally {
        requests--;
        if (requests === 0) idle = setTimeout(end, limits.idleMs).unref();
      }
    },
    end,
  };
}

/** One process that answers. */
interface Process extends Pick<Answering, "answer" | "end"> {
  alive(): boolean;
}

/** What is known of a request, until it is told. */
interface Call {
  readonly told: (FromAnswering | Error)[];
  wake(): void;
  reading: NodeJS.Timeout | undefined;
}

function startProcess(readingMs: number): Process {
  const child = startChild();
  const calls = new Map<number, Call>();
  const leaving = new Map<number, NodeJS.Timeout>(); // requests that have been given up, until the process knows
  let last = 0;
  let killed = false;

  function kill(): void {
    killed = true;
    child.kill("SIGKILL");
  }
  function giveUp(id: number): void {
    post(child, { type: "cancel", id });
    leaving.set(id, setTimeout(kill, readingMs).unref());
  }
  child.on("message", (message: FromAnswering) => {
    const call = calls.get(message.id);
    if (isLast(message)) {
      clearTimeout(leaving.get(message.id));
      leaving.delete(message.id);
    }
    if (!call) return;
    clearTimeout(call.reading);
    if (message.type !== "begun") return tell(call, message);
    call.reading = setTimeout(() => {
      const what = `the model's tokenizer or chat template takes longer than ${readingMs / 1000} s`;
      tell(call, new CommandError({ code: "unsupported", message: what }));
      kill();
    }, readingMs);
  });
  function endCalls(how: string): void {
    const error = killed
      ? new SecateurError("cancelled", "the process that answers was ended for another request: try again")
      : new CommandError({ code: "internal", message: `the process that answers died (${how})` });
    for (const call of calls.values()) tell(call, error);
    for (const timer of leaving.values()) clearTimeout(timer);
  }
  child.on("exit", (code, signal) => endCalls(signal === null ? `exit code ${code}` : `signal ${signal}`));
  child.on("error", ({ message }) => endCalls(message));

  return {
    alive: () => child.connected && !child.killed,
    end: () => void child.kill("SIGKILL"),
    async *answer(request, signal) {
      const id = ++last;
      const call: Call = { told: [], wake: () => {}, reading: undefined };
      calls.set(id, call);
      const cancel = (): void => {
        giveUp(id);
        tell(call, new SecateurError("cancelled", "the request was given up"));
      };
      signal.addEventListener("abort", cancel, { once: true });
      post(child, { type: "ask", id, request });
      if (signal.aborted) cancel();
      let ended = false;
      try {
        for (;;) {
          const message = call.told.shift();
          if (message === undefined) {
            await new Promise<void>((resolve) => {
              call.wake = resolve;
            });
            continue;
          }
          ended = message instanceof Error || isLast(message);
          const told = toldBy(message);
          if (told === undefined) return;
          yield told;
        }
      } finally {
        signal.removeEventListener("abort", cancel);
        clearTimeout(call.reading);
        calls.delete(id);
        if (!ended) giveUp(id);
      }
    },
  };
}

function tell(call: Call, message: FromAnswering | Error): void {
  call.told.push(message);
  call.wake();
}

/** Whether nothing follows a message. */
function isLast({ type }: FromAnswering): boolean {
  return type === "done" || type === "too-long" || type === "failed";
}

/** What a message tells a reader; undefined for the end. Throws what it says. */
function toldBy(message: FromAnswering | Error): Told | undefined {
  if (message instanceof Error) throw message;
  switch (message.type) {
    case "too-long":
      throw new ContextLengthError(message.message);
    case "failed":
      throw new CommandError(message.error);
    case "read":
      return { type: "read", promptTokens: message.promptTokens };
    case "piece":
      return { type: "piece", piece: message.piece };
    default:
      return undefined;
  }
}

function startChild(): ChildProcess {
  const file = fileURLToPath(new URL(`./answer-child${extname(import.meta.url)}`, import.meta.url));
  return fork(file, { execArgv: [...process.execArgv, "--single-threaded-gc"], serialization: "advanced", stdio: ["ignore", 2, 2, "ipc"] });
}

/** Sends a message; a process that has just ended needs none. */
function post(child: ChildProcess, message: ToAnswering): void {
  if (child.connected) child.send(message, () => {});
}
