import { SecateurError } from "@secateur/kit";
import type { Tokenizer } from "./tokenizer.ts";

/** The text of tokens that come one by one, up to the first of some stop strings. */
export interface TextStream {
  /** Whether a stop string has been found. */
  readonly stopped: boolean;
  /** Takes a token and gives what is certain of the text by now: whole characters, without what may be the beginning of a stop string. */
  push(id: number): string;
  /** Gives what is left of the text when no token follows. */
  end(): string;
}

/**
 * A stream of text from a tokenizer's tokens. All that it gives is together what the tokenizer makes of all tokens, cut before the first stop string. Throws
 * SecateurError `usage` for a stop string that is empty.
 */
export function createTextStream(tokenizer: Pick<Tokenizer, "decode">, stops: readonly string[] = []): TextStream {
  if (stops.includes("")) throw new SecateurError("usage", "a stop string is empty: every text would end before it begins");
  const longest = Math.max(0, ...stops.map((stop) => stop.length));
  const ids: number[] = [];
  let whole = 0; // so many tokens are whole characters
  let from = 0; // decoding begins with this one, a few before: a token's text can depend on the one before
  let taken = 0; // so many characters of the text from there on are known
  let held = ""; // text that is known and not given
  let stopped = false;

  /** Adds what is known of the text by now, or with `all` what there is. */
  function take(all: boolean): void {
    const text = tokenizer.decode(ids.slice(from));
    // Bytes of a character that is not complete are replacement characters until it is.
    const known = all ? text : text.replace(/\uFFFD+$/, "");
    held += known.slice(taken);
    taken = Math.max(taken, known.length);
    if (known.length < text.length) return;
    [from, whole] = [whole, ids.length];
    taken = tokenizer.decode(ids.slice(from)).length;
  }
  /** Gives the text that is held but for its last characters. */
  function give(keep: number): string {
    const given = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return given;
  }
  function cut(): string | undefined {
    const at = Math.min(...stops.map((stop) => held.indexOf(stop)).filter((place) => place >= 0));
    if (at === Number.POSITIVE_INFINITY) return undefined;
    stopped = true;
    held = held.slice(0, at);
    return give(0);
  }

  return {
    get stopped() {
      return stopped;
    },
    push(id) {
      if (stopped) return "";
      ids.push(id);
      take(false);
      return cut() ?? give(beginning(held, stops, longest));
    },
    end() {
      if (stopped) return "";
      take(true);
      return cut() ?? give(0);
    },
  };
}

/** How many of a text's last characters are the beginning of a stop string. */
function beginning(text: string, stops: readonly string[], longest: number): number {
  for (let length = Math.min(longest - 1, text.length); length > 0; length--) {
    const tail = text.slice(-length);
    if (stops.some((stop) => stop.startsWith(tail))) return length;
  }
  return 0;
}
