import { crc32 } from "node:zlib";
import type { Linear, Need, Role, RoleStats } from "@secateur/kit";

/** Numbers that a plugin is given, by what messages call them. */
export type Given = readonly (readonly [what: string, numbers: ArrayBufferView])[];

/** Numbers that are being watched. */
export interface Watch {
  /** What the first of them that are no longer as they were are called. */
  changed(): string | undefined;
  /** Ends it, once. */
  end(): void;
}

// Of so many bytes copies are kept, which compare faster than sums while the processor's cache holds them. Past that they are no faster, and of Gram matrices would
// double what a run holds.
const COPIED_BYTES = 2 ** 24;

/**
 * Watches numbers for changes, in memory that it keeps from one time to the next. Copies of the first of them are compared byte by byte; others are known by their
 * CRC-32, which finds any change of up to 32 bits in a row and misses one of four thousand million others.
 */
export function createWatcher(copiedBytes: number = COPIED_BYTES): (given: Given) => Watch {
  let spare = Buffer.alloc(0);
  let used = 0;
  let active = 0;

  /** Tells later whether these are still the same bytes. */
  function remember(numbers: ArrayBufferView): () => boolean {
    const { buffer, byteOffset, byteLength } = numbers;
    if (used + byteLength > copiedBytes) {
      const parts = partsOf(numbers);
      const before = sumOf(parts);
      return () => sumOf(parts) === before;
    }
    // What is watched already holds on to the former memory.
    if (used + byteLength > spare.length) spare = Buffer.allocUnsafeSlow(Math.min(copiedBytes, 2 * (used + byteLength)));
    const bytes = new Uint8Array(buffer, byteOffset, byteLength);
    const before = spare.subarray(used, used + byteLength);
    before.set(bytes);
    used += byteLength;
    return () => before.equals(bytes);
  }

  return (given) => {
    active++;
    const start = used;
    const watched = new Map<ArrayBufferView, readonly [what: string, same: () => boolean]>();
    for (const [what, numbers] of given) if (!watched.has(numbers)) watched.set(numbers, [what, remember(numbers)]);
    const end = used;
    return {
      changed: () => [...watched.values()].find(([, same]) => !same())?.[0],
      end() {
        active--;
        if (active === 0) used = 0;
        else if (used === end) used = start; // nothing that began later is watched any more
      },
    };
  };
}

// A sum is taken of no more bytes at once: its length is a number of 32 bits.
const PART_BYTES = 2 ** 30;

function partsOf({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < byteLength; at += PART_BYTES)
    parts.push(new Uint8Array(buffer, byteOffset + at, Math.min(PART_BYTES, byteLength - at)));
  return parts;
}

function sumOf(parts: readonly Uint8Array[]): number {
  return parts.reduce((sum, part) => crc32(part, sum), 0);
}

/** A layer's weights, as a plugin is given them. */
export function weightsOf({ weights }: Linear, of = ""): Given {
  return [[`weights${of}`, weights.data]];
}

/** The sums of some statistics, whose names and places cannot be changed from now on. */
export function sumsOf(stats: RoleStats, needs: readonly Need[], of = ""): Given {
  Object.freeze(stats);
  return needs.flatMap((need) =>
    Object.entries(Object.freeze(stats.get(need))).map(([sum, values]) => [`statistic ${need.id}.${sum}${of}`, values] as const),
  );
}

/** What each role has of something. */
export function byRole(what: string, of: ReadonlyMap<Role, ArrayBufferView>): Given {
  return [...of].map(([role, numbers]) => [`${what} of role ${role}`, numbers]);
}

/** The value, none of whose properties can be changed: who tries is thrown an error where it does. Numbers in arrays can be. */
export function frozen<Value>(value: Value): Value {
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  for (const part of Object.values(value)) frozen(part);
  return Object.freeze(value);
}

/** A copy of a map that cannot be changed. */
export function fixedMap<Key, Value>(entries: Iterable<readonly [Key, Value]>): ReadonlyMap<Key, Value> {
  const refuse = (): never => {
    throw new TypeError("this map cannot be changed");
  };
  return Object.freeze(Object.assign(new Map(entries), { set: refuse, delete: refuse, clear: refuse }));
}
