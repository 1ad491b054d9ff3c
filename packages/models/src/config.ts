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
  fail(key: string, wanted: string): never;
}

/** A reader over `config` for messages about `modelType`. */
export function configReader(config: Config, modelType: string): ConfigReader {
  const found = (key: string): Json | undefined => config[key] ?? undefined;
  const show = (value: Json | undefined): string => (value === undefined ? "nothing" : JSON.stringify(value));

  function fail(key: string, wanted: string): never {
    throw new SecateurError("format", `config.json of a ${modelType} model: ${key} is ${show(found(key))}, ${wanted} is wanted`, {
      where: { file: "config.json" },
    });
  }
  function positive(key: string, fallback?: number): number {
    const value = found(key) ?? fallback;
    return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : fail(key, "a number above 0");
  }
  return {
    config,
    positive,
    fail,
    count(key, fallback) {
      const value = found(key) ?? fallback;
      return typeof value === "number" && Number.isSafeInteger(value) && value > 0 ? value : fail(key, "a whole number above 0");
    },
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
