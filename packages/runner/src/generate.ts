import { throwIfCancelled } from "@secateur/kit";
import type { Engine } from "./engine.ts";
import { scoreSequences } from "./score.ts";

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

/** Greedy decoding: the likeliest token, again and again, for several prompts at once. Each step runs the whole sequence again: meant for short answers. */
export async function generateGreedy(engine: Engine, prompts: readonly Int32Array[], options: GenerateOptions): Promise<Generated[]> {
  const states = prompts.map((prompt) => ({
    prompt,
    ids: [] as number[],
    finishReason: undefined as Generated["finishReason"] | undefined,
  }));
  for (;;) {
    for (const state of states) {
      const full = state.prompt.length + state.ids.length >= engine.description.positions;
      if (!state.finishReason && (state.ids.length >= options.maxTokens || full)) state.finishReason = "length";
    }
    const open = states.filter((state) => !state.finishReason);
    if (open.length === 0) break;
    throwIfCancelled(options.signal);
    const scores = await scoreSequences(
      engine,
      open.map(({ prompt, ids }) => Int32Array.from([...prompt, ...ids])),
    );
    for (const [i, state] of open.entries()) {
      const next = scores[i]?.best.at(-1) as number;
      if (options.endTokens.includes(next)) state.finishReason = "stop";
      else state.ids.push(next);
    }
  }
  return states.map(({ ids, finishReason }) => ({ ids: Int32Array.from(ids), finishReason: finishReason ?? "length" }));
}
