import { type Origin, SecateurError } from "@secateur/kit";

/** Tokens to be packed: a document, which already ends in its end token. */
export interface Packable {
  readonly ids: Int32Array; // (tokens)
  readonly weights: Float32Array; // (tokens)
  readonly origin?: Origin;
}

/** A stretch of the packed tokens; its origin is the document that its first token is of. */
export type Window = Packable;

/** What packing gave: `complete` when there are as many whole windows as were asked for. */
export interface Packed {
  readonly windows: readonly Window[];
  readonly complete: boolean;
}

/** Packs documents as they come. */
export interface Packer {
  /** Takes a document; true when all windows are full and no more is wanted. */
  add(document: Packable): boolean;
  /** The windows. Where too few tokens came, the last one is shorter. */
  finish(): Packed;
}

/**
 * Joins documents one after the other and cuts what comes of it into `count` windows of exactly `windowTokens`; it takes no more documents than
 * it needs. Where they do not suffice, all their tokens are used and the last window is shorter.
 */
export function packTokens(documents: Iterable<Packable>, windowTokens: number, count: number): Packed {
  const packer = createPacker(windowTokens, count);
  if (count > 0) for (const document of documents) if (packer.add(document)) break;
  return packer.finish();
}

/** As `packTokens`, a document at a time. Throws SecateurError `usage` for sizes that are no whole numbers from 1 on. */
export function createPacker(windowTokens: number, count: number): Packer {
  if (!Number.isSafeInteger(windowTokens) || windowTokens < 1) {
    throw new SecateurError("usage", `windows of ${windowTokens} tokens were asked for, a whole number from 1 on was wanted`);
  }
  const windows: Window[] = [];
  let open = emptyWindow(windowTokens);
  return {
    add({ ids, weights, origin }) {
      let taken = 0;
      while (taken < ids.length && windows.length < count) {
        const part = Math.min(ids.length - taken, windowTokens - open.length);
        if (open.length === 0) open.origin = origin;
        open.ids.set(ids.subarray(taken, taken + part), open.length);
        open.weights.set(weights.subarray(taken, taken + part), open.length);
        open.length += part;
        taken += part;
        if (open.length < windowTokens) continue;
        windows.push(closeWindow(open));
        open = emptyWindow(windowTokens);
      }
      return windows.length >= count;
    },
    finish() {
      const complete = windows.length >= count;
      return { windows: complete || open.length === 0 ? [...windows] : [...windows, closeWindow(open)], complete };
    },
  };
}

interface OpenWindow {
  readonly ids: Int32Array;
  readonly weights: Float32Array;
  length: number;
  origin: Origin | undefined;
}

function emptyWindow(tokens: number): OpenWindow {
  return { ids: new Int32Array(tokens), weights: new Float32Array(tokens), length: 0, origin: undefined };
}

function closeWindow({ ids, weights, length, origin }: OpenWindow): Window {
  return { ids: ids.slice(0, length), weights: weights.slice(0, length), ...(origin === undefined ? {} : { origin }) };
}
