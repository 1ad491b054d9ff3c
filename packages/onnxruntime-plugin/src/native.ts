import { type Api, cells, type Memory } from "./api.ts";
import { OnnxRuntimeError } from "./errors.ts";

/** What all parts of a loaded library share. */
export interface Native {
  readonly api: Api;
  readonly env: bigint;
  readonly memory: bigint;
  readonly allocator: bigint;
}

const STATUS = [
  "OK",
  "FAIL",
  "INVALID_ARGUMENT",
  "NO_SUCHFILE",
  "NO_MODEL",
  "ENGINE_ERROR",
  "RUNTIME_EXCEPTION",
  "INVALID_PROTOBUF",
  "MODEL_LOADED",
  "NOT_IMPLEMENTED",
  "INVALID_GRAPH",
  "EP_FAIL",
  "MODEL_LOAD_CANCELED",
  "MODEL_REQUIRES_COMPILATION",
  "NOT_FOUND",
];

/** Throws OnnxRuntimeError `runtime` for a status that is an error, and releases it. */
export function check(api: Api, status: bigint | null): void {
  if (!status) return;
  const message = api.GetErrorMessage(status) ?? "no message";
  const code = STATUS[api.GetErrorCode(status)] ?? "FAIL";
  api.ReleaseStatus(status);
  throw new OnnxRuntimeError("runtime", message, { status: code });
}

/** The address that a function writes to the memory that it is given. */
export function out(api: Api, write: (memory: BigUint64Array) => bigint | null): bigint {
  const memory = cells(1);
  check(api, write(memory));
  return memory[0] ?? 0n;
}

interface Asynchronous<A extends readonly unknown[]> {
  async(...args: [...A, done: (error: unknown, result: bigint | null) => void]): void;
}

/** Calls a function on another thread. `held` is what its arguments point into: it stays reachable until the call is done. Past a number of calls the next ones wait. */
export async function call<A extends readonly unknown[]>(run: Asynchronous<A>, args: A, held: readonly unknown[]): Promise<bigint | null> {
  while (pending.size >= MOST_CALLS) await new Promise<void>((resolve) => waiting.push(resolve));
  const used = { args, held };
  pending.add(used);
  try {
    return await new Promise<bigint | null>((resolve, reject) => {
      run.async(...args, (error, result) => (error ? reject(error) : resolve(result)));
    });
  } catch (cause) {
    throw new OnnxRuntimeError("runtime", `the call failed: ${String(cause)}`, { cause });
  } finally {
    pending.delete(used);
    waiting.shift()?.();
  }
}

// koffi refuses more than 256 calls at a time, and holds on to nothing that a call points to.
const MOST_CALLS = 64;
const pending = new Set<{ readonly args: readonly unknown[]; readonly held: readonly unknown[] }>();
const waiting: (() => void)[] = [];

/** Memory as an argument; what is empty has no address. */
export function argument(data: ArrayBufferView): Memory {
  return data.byteLength === 0 ? null : data;
}

/** Throws OnnxRuntimeError `argument` for a text that C cannot be given. */
export function checkText(what: string, value: unknown): asserts value is string {
  if (typeof value !== "string" || value.includes("\0"))
    throw new OnnxRuntimeError(
      "argument",
      `${what} is a text without zero characters, not ${typeof value === "string" ? JSON.stringify(value) : typeof value}`,
    );
}
