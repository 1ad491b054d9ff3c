import { OnnxRuntimeError } from "./errors.ts";

/** What a native object is. */
export type HandleKind = "tensor" | "session" | "device";

/** A native object with one owner: it is released once, and not while a run uses it. */
export class Handle {
  /** The loaded library that it belongs to. */
  readonly owner: object;
  readonly kind: HandleKind;
  readonly #what: string;
  readonly #free: (pointer: bigint) => void;
  #pointer: bigint | undefined;
  #users = 0;

  constructor(owner: object, kind: HandleKind, what: string, pointer: bigint, free: (pointer: bigint) => void) {
    this.owner = owner;
    this.kind = kind;
    this.#what = what;
    this.#pointer = pointer;
    this.#free = free;
  }

  get released(): boolean {
    return this.#pointer === undefined;
  }

  /** Throws OnnxRuntimeError `released` after the release. */
  pointer(): bigint {
    if (this.#pointer !== undefined) return this.#pointer;
    throw new OnnxRuntimeError("released", `${this.#what} is used after its release`);
  }

  /** From now until `leave` it cannot be released. */
  enter(): void {
    this.#users++;
  }

  leave(): void {
    this.#users--;
  }

  /** Throws OnnxRuntimeError `busy` during a run, `released` the second time. */
  release(): void {
    if (this.#users > 0) throw new OnnxRuntimeError("busy", `${this.#what} is released while ${this.#users} of its runs are not done`);
    if (this.#pointer === undefined) throw new OnnxRuntimeError("released", `${this.#what} is released twice`);
    const pointer = this.#pointer;
    this.#pointer = undefined;
    this.#free(pointer);
  }
}

// Tensors, sessions and devices show their users nothing of what is native of them.
const handles = new WeakMap<object, Handle>();

/** Makes an object the owner of a handle. */
export function own(owner: object, handle: Handle): void {
  handles.set(owner, handle);
}

/** The handle of an object. Throws OnnxRuntimeError `argument` for what is of another kind, or was not made here. */
export function handleOf(owner: unknown, kind: HandleKind): Handle {
  const handle = typeof owner === "object" && owner !== null ? handles.get(owner) : undefined;
  if (handle?.kind === kind) return handle;
  throw new OnnxRuntimeError("argument", `the ${kind} is none that this package has given`);
}
