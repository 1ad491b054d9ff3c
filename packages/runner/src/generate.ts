import { throwIfCancelled } from "@secateur/kit";
import type { Engine } from "./engine.ts";
import { scoreSequences } from "./score.ts";
import { checkSequences } from "./stream.ts";

/** How an answer is written. */
export interface GenerateOptions {
  /** At most so many tokens are written. */
  readonly maxTokens: number;
  /** The tokens that end an answer; they are not part of it. */
  readonly endTokens: readonly number[];
  readonly signal?: AbortSignal;
}

/** What was written after a prompt, and why it ended: at an end token, or at the limit of tokens or positions. */
export interface Generated {
  readonly ids: Int32Array;
  readonly finishReason: "stop" | "length";
}

interface State {
  /** The prompt and what was written so far. */
  readonly ids: number[];
  /** How long it may become. */
  readonly limit: number;
  stopped: boolean;
}

/**
 * Greedy decoding: the likeliest token, again and again, for several prompts at once. Each step runs the whole sequence again: meant for short
 * answers. Throws SecateurError `data` for a prompt that the model cannot read.
 */
export async function generateGreedy(engine: Engine, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Generated[]> {
  const { positions } = engine.description;
  checkSequences(prompts, engine.description);
  const states = prompts.map((prompt): State => {
    return { ids: [...prompt], limit: Math.min(prompt.length + options.maxTokens, positions), stopped: false };
  });
  for (;;) {
    const open = states.filter(({ ids, limit, stopped }) => !stopped && ids.length < limit);
    if (open.length === 0) break;
    throwIfCancelled(options.signal);
    const scores = await scoreSequences(
      engine,
      open.map(({ ids }) => Int32Array.from(ids)),
      options.signal && { signal: options.signal },
    );
    for (const [i, state] of open.entries()) {
      const next = scores[i]?.best.at(-1) as number; // a sequence has a token at least
      if (options.endTokens.includes(next)) state.stopped = true;
      else state.ids.push(next);
    }
  }
  return states.map(({ ids, stopped }, i) => {
    return { ids: Int32Array.from(ids.slice(prompts[i]?.length)), finishReason: stopped ? "stop" : "length" };
  });
}
