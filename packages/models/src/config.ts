import { type Json, SecateurError } from "@secateur/kit";

/** A model's config.json. */
export type Config = { readonly [key: string]: Json };

/** Reads one model's config with checks; every error names the model type, the key, what was found and what is wanted. */
export interface ConfigReader {
  readonly config: Config;
  /** A whole number of at least 1; `fallback` stands in where the key is absent or null. */
  count(key: string, fallback?: number): number;
  /** A finite number above 0. */
  positive(key: string, fallback?: number): number;
  flag(key: string, fallback: boolean): boolean;
  /** Throws `unsupported` unless the key is absent, null, or one of `known`. */
  only(key: string, known: readonly Json[]): void;
  /** How many of the latest tokens a windowed attention sees by `sliding_window`: 4096 where the key is absent, 0 (all) where it is null. */
  slidingWindow(): number;
  /** Throws `format`; `value` is what was found, where that is not the key's own. */
  fail(key: string, wanted: string, value?: Json): never;
}

/** A reader over `config` for messages about `modelType`. */
export function configReader(config: Config, modelType: string): ConfigReader {
  const found = (key: string): Json | undefined => config[key] ?? undefined;
  const show = (value: Json | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));

  function fail(key: string, wanted: string, value: Json | undefined = found(key)): never {
    throw new SecateurError("format", `config.json of a ${modelType} model: ${key} is ${show(value)}, ${wanted} is wanted`, {
      where: { file: "config.json" },
    });
  }
  function count(key: string, fallback?: number): number {
    const value = found(key) ?? fallback;
    return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : fail(key, "a whole number above 0");
  }
  function positive(key: string, fallback?: number): number {
    const value = found(key) ?? fallback;
    return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : fail(key, "a number above 0");
  }
  return {
    config,
    count,
    positive,
    fail,
    // The library that most configs come from has this default.
    slidingWindow: () => (config.sliding_window === null ? 0 : count("sliding_window", 4096)),
    flag(key, fallback) {
      const value = found(key) ?? fallback;
      return typeof value === "boolean" ? value : fail(key, "true or false");
    },
    only(key, known) {
      const value = found(key);
      if (value !== undefined && !known.includes(value)) {
        throw new SecateurError(
          "unsupported",
          `config.json of a ${modelType} model: ${key} ${show(value)} is not supported, only ${known.map(show).join(" or ")}`,
          {
            where: { file: "config.json" },
          },
        );
      }
    },
  };
}
