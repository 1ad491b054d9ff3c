import { type FileHandle, open, rm } from "node:fs/promises";
import { SecateurError } from "@secateur/kit";

/** Numbers that wait between two programs. It belongs to the store that gave it. */
export interface State {
  readonly length: number;
}

/** Keeps the activations of streams between programs: in memory up to a budget, and past it in a scratch file. What comes back has the same bits. */
export interface StateStore {
  /** Takes numbers over, which their giver does not touch any more. Throws SecateurError `io` when the scratch file cannot take them. */
  keep(values: Float32Array): Promise<State>;
  /** The numbers of a state, to be read until `unload`. */
  load(state: State): Promise<Float32Array>;
  /** Gives back the numbers that `load` gave, when the state lies in the file; they are not to be touched any more. */
  unload(state: State): void;
  /** Forgets a state: its memory or its place in the file is used again. */
  free(state: State): void;
  /** Numbers of this length to be overwritten: of a state that is gone, or new. */
  buffer(length: number): Float32Array;
  /** Removes the scratch file, if there is one. */
  close(): Promise<void>;
}

/** Where and when a store leaves memory. */
export interface StateStoreOptions {
  /** So many bytes of states stay in memory. */
  readonly memoryBytes: number;
  /** The path of the file that holds the rest; it is made when it is needed. */
  readonly scratch: string;
}

// So many buffers are in use while a batch runs: two states that it reads, and the one that it becomes. Kept, they are not left to the collector each time.
const BATCH = 3;

interface Entry extends State {
  values?: Float32Array | undefined;
  readonly offset?: number;
}

/** A store without states. Left out, `options` keep everything in memory. */
export function createStateStore(options?: StateStoreOptions): StateStore {
  const budget = options?.memoryBytes ?? Number.POSITIVE_INFINITY;
  const spares = pool();
  const file = options && scratchFile(options.scratch);
  const entries = new Set<State>();
  let held = 0;

  function own(state: State): Entry {
    if (!entries.has(state)) throw new SecateurError("internal", "a state is used that its store does not hold");
    return state as Entry; // only `keep` puts entries into the set
  }

  function inMemory(values: Float32Array): Entry {
    held += values.byteLength;
    return { length: values.length, values };
  }

  return {
    async keep(values) {
      if (held + spares.bytes() + values.byteLength > budget) spares.trim(BATCH * values.byteLength);
      let entry: Entry;
      if (file && held + values.byteLength > budget) {
        entry = { length: values.length, offset: await file.write(values) };
        spares.put(values, budget - held);
      } else entry = inMemory(values);
      entries.add(entry);
      return entry;
    },
    async load(state) {
      const entry = own(state);
      if (entry.values) return entry.values;
      const values = spares.take(entry.length);
      await file?.read(values, entry.offset as number); // without values it lies in the file
      entry.values = values;
      return values;
    },
    unload(state) {
      const entry = own(state);
      if (entry.offset === undefined || !entry.values) return;
      spares.put(entry.values, budget - held);
      entry.values = undefined;
    },
    free(state) {
      const entry = own(state);
      entries.delete(state);
      if (entry.offset === undefined) held -= 4 * entry.length;
      else file?.free(entry.offset, entry.length);
      if (entry.values) spares.put(entry.values, budget - held);
    },
    buffer: (length) => spares.take(length),
    async close() {
      entries.clear();
      spares.clear();
      await file?.close();
    },
  };
}

/** Buffers to be used again, by length: a block asks for the same ones as the block before. */
function pool() {
  const spares = new Map<number, Float32Array[]>();
  let bytes = 0;
  return {
    bytes: (): number => bytes,
    take(length: number): Float32Array {
      const spare = spares.get(length)?.pop();
      if (!spare) return new Float32Array(length);
      bytes -= spare.byteLength;
      return spare;
    },
    /** Keeps a buffer when there is room for it; what a batch takes has room always. */
    put(values: Float32Array, room: number): void {
      const known = spares.get(values.length);
      if (bytes + values.byteLength > Math.max(room, BATCH * values.byteLength)) return;
      if (known) known.push(values);
      else spares.set(values.length, [values]);
      bytes += values.byteLength;
    },
    /** Gives buffers up until so many bytes are left at most. */
    trim(most: number): void {
      for (const [length, known] of spares) {
        while (bytes > most && known.pop()) bytes -= 4 * length;
      }
    },
    clear(): void {
      spares.clear();
      bytes = 0;
    },
  };
}

/** A file of places, each as long as what is put there; a place that is free again takes what has its length. */
function scratchFile(path: string) {
  let opened: Promise<FileHandle> | undefined;
  let end = 0;
  const free = new Map<number, number[]>();

  async function move(action: "read" | "write", values: Float32Array, offset: number): Promise<void> {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    try {
      opened ??= begin();
      const handle = await opened;
      for (let at = 0; at < bytes.length; ) {
        const moved =
          action === "read"
            ? (await handle.read(bytes, at, bytes.length - at, offset + at)).bytesRead
            : (await handle.write(bytes, at, bytes.length - at, offset + at)).bytesWritten;
        if (moved === 0) throw new Error("it has been cut short");
        at += moved;
      }
    } catch (cause) {
      const message = `cannot ${action} the scratch file ${path}: ${(cause as Error).message}`;
      throw new SecateurError("io", message, { where: { file: path }, cause });
    }
  }

  /** Makes the file; one that cannot be made is none that `close` would have to wait for. */
  async function begin(): Promise<FileHandle> {
    try {
      return await open(path, "w+");
    } catch (error) {
      opened = undefined;
      throw error;
    }
  }

  return {
    async write(values: Float32Array): Promise<number> {
      const known = free.get(values.length)?.pop();
      const offset = known ?? end;
      if (known === undefined) end += values.byteLength;
      await move("write", values, offset);
      return offset;
    },
    read: (values: Float32Array, offset: number) => move("read", values, offset),
    free(offset: number, length: number): void {
      const known = free.get(length);
      if (known) known.push(offset);
      else free.set(length, [offset]);
    },
    async close(): Promise<void> {
      if (!opened) return;
      await (await opened).close();
      await rm(path, { force: true });
    },
  };
}
