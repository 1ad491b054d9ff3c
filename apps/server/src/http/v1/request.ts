import { randomInt } from "node:crypto";
import { z } from "@hono/zod-openapi";
import type { Sampling } from "@secateur/engine";

/** The most tokens that are written after a prompt. */
export const MAX_TOKENS = 4096;

/** The fields that both ways of asking have. */
export interface CommonFields {
  readonly model: string;
  readonly max_tokens?: number | null | undefined;
  readonly temperature?: number | null | undefined;
  readonly top_p?: number | null | undefined;
  readonly seed?: number | null | undefined;
  readonly stop?: string | readonly string[] | null | undefined;
  readonly stream?: boolean | null | undefined;
  readonly stream_options?: { readonly include_usage?: boolean | null | undefined } | null | undefined;
}

const stopString = z.string().min(1, "a stop string has a character at least");

/** Their shapes, for a schema. What is refused here would change answers if it were ignored; other fields are. */
export const commonShape: z.ZodRawShape = {
  model: z.string().min(1).describe("a model's id, or its name where only one has it"),
  max_tokens: z.int().min(0).max(MAX_TOKENS).nullish(),
  temperature: z.number().min(0).max(2).nullish().describe("1 where it is left out; at 0 the likeliest token is taken"),
  top_p: z.number().min(0).max(1).nullish().describe("1 where it is left out"),
  seed: z.int().nullish().describe("equal requests with equal seeds have equal answers"),
  stop: z
    .union([stopString, z.array(stopString).max(16)])
    .nullish()
    .describe("an answer ends before the first of these"),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  n: z.literal(1, "one answer is given for a prompt: 1 was wanted").nullish(),
  presence_penalty: z.literal(0, "there are no penalties: 0 was wanted").nullish(),
  frequency_penalty: z.literal(0, "there are no penalties: 0 was wanted").nullish(),
  logit_bias: z.strictObject({}, "tokens have no biases: nothing was wanted here").nullish(),
};

/** How tokens are drawn, with OpenAI's defaults; without a seed one is drawn. */
export function samplingOf({ temperature, top_p: topP, seed }: CommonFields): Sampling {
  return { temperature: temperature ?? 1, topP: topP ?? 1, seed: seed ?? randomInt(2 ** 32) };
}

/** The strings that end an answer. */
export function stopsOf({ stop }: CommonFields): readonly string[] {
  return typeof stop === "string" ? [stop] : (stop ?? []);
}
