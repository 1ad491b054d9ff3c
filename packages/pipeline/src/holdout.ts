import { createHash } from "node:crypto";
import type { Document } from "@secateur/kit";

/** What a document says, whatever file and line it stands in: a hash, equal for equal documents. */
export function contentKey({ origin: _, ...content }: Document): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}

/** One document in so many is held out. */
const HELD_OUT = 5;

/**
 * Whether a document is kept back to measure with, where a source is to calibrate with and to measure with: one in five, chosen by what it says, so that a row
 * and its repetitions are on one side, whatever their order and number.
 */
export function isHeldOut(document: Document): boolean {
  return createHash("sha256").update(contentKey(document)).digest().readUInt32BE(0) % HELD_OUT === 0;
}
