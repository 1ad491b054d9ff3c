import { booleanFromText, numberFromText } from "@secateur/kit";
import { z } from "zod";
import type { LevelKind } from "./levels.ts";
import { DEFAULT_TAU } from "./partition.ts";

// Option values come from a command line as text. A default stands twice, so that both forms of the JSON Schema, of what comes in and of what
// comes out, show it.

/** An option that is a number, which may be written as decimal text. */
export function numberOption(fallback: number, range: { readonly min: number; readonly max?: number }, about: string): z.ZodType<number> {
  const number = z.number().min(range.min);
  return z
    .preprocess(numberFromText, range.max === undefined ? number : number.max(range.max))
    .prefault(fallback)
    .default(fallback)
    .meta({ description: about });
}

/** An option that is true or false, which may be written as `true`, `false`, `1` or `0`. */
export function booleanOption(fallback: boolean, about: string): z.ZodType<boolean> {
  return z.preprocess(booleanFromText, z.boolean()).prefault(fallback).default(fallback).meta({ description: about });
}

/** The options that every rule on scores has. */
export const scaleOptions: {
  readonly level: z.ZodType<LevelKind>;
  readonly tau: z.ZodType<number>;
  readonly kappa: z.ZodType<number>;
} = {
  level: z.enum(["geometric", "median"]).default("geometric").meta({ description: "how a role's typical activation norm is taken" }),
  tau: numberOption(DEFAULT_TAU, { min: 0, max: 1 }, "relative difference of norms up to which a role owns a channel"),
  kappa: numberOption(4, { min: 1 }, "how far activation-free scores may be scaled for a role"),
};
