import { type Json, SecateurError } from "@secateur/kit";
import { type F32Tensor, f32 } from "@secateur/tensor";
import type { Config, ConfigReader } from "./config.ts";

/** The angles of rotary position embeddings: position · frequency, and a factor on cosine and sine. */
export interface Rotary {
  /** (headDim / 2) radians a position. */
  readonly inverseFrequencies: Float64Array;
  readonly attentionFactor: number;
}

/** Cosines and sines of `tokens` positions from 0 on, each (tokens, headDim / 2). */
export function rotaryTables(rotary: Rotary, tokens: number): { cos: F32Tensor; sin: F32Tensor } {
  const half = rotary.inverseFrequencies.length;
  const cos = new Float32Array(tokens * half);
  const sin = new Float32Array(tokens * half);
  for (let t = 0; t < tokens; t++) {
    for (let i = 0; i < half; i++) {
      const angle = t * (rotary.inverseFrequencies[i] as number);
      cos[t * half + i] = Math.cos(angle) * rotary.attentionFactor;
      sin[t * half + i] = Math.sin(angle) * rotary.attentionFactor;
    }
  }
  return { cos: f32([tokens, half], cos), sin: f32([tokens, half], sin) };
}

/**
 * The rotary settings of a config in any of their spellings: `rope_parameters`, or `rope_theta` with `rope_scaling` by `type` or `rope_type`.
 * Kinds `default`, `linear`, `llama3` (Llama 3.1) and `yarn` (arXiv 2309.00071) are computed; throws SecateurError `unsupported` for any other.
 */
export function readRotary(reader: ConfigReader, headDim: number, positions: number): Rotary {
  const { config } = reader;
  const parameters = section(reader, "rope_parameters");
  const scaling = section(reader, "rope_scaling");
  if (parameters && scaling && kindOf(reader, "rope_parameters", parameters) !== kindOf(reader, "rope_scaling", scaling)) {
    unsupported("rope_parameters and rope_scaling together, of different kinds,");
  }
  const settings: Config = { ...scaling, ...parameters };
  if (Object.values(settings).some((value) => typeof value === "object" && value !== null && !Array.isArray(value))) {
    unsupported("rope_parameters of several kinds of layers");
  }
  const kind = scaling || parameters ? kindOf(reader, parameters ? "rope_parameters" : "rope_scaling", settings) : "default";
  const partial = settings.partial_rotary_factor ?? config.partial_rotary_factor ?? 1;
  if (partial !== 1) unsupported(`partial_rotary_factor ${JSON.stringify(partial)}`);
  const theta = number(reader, settings, "rope_theta") ?? reader.positive("rope_theta", 10000);
  const plain = Float64Array.from({ length: headDim / 2 }, (_, i) => theta ** ((-2 * i) / headDim));

  const wanted = (key: string): number => number(reader, settings, key) ?? reader.fail(`rope ${kind}: ${key}`, "a number above 0");
  switch (kind) {
    case "default":
      return { inverseFrequencies: plain, attentionFactor: 1 };
    case "linear": {
      const factor = wanted("factor");
      return { inverseFrequencies: plain.map((frequency) => frequency / factor), attentionFactor: 1 };
    }
    case "llama3":
      return {
        inverseFrequencies: llama3(
          plain,
          wanted("factor"),
          wanted("low_freq_factor"),
          wanted("high_freq_factor"),
          wanted("original_max_position_embeddings"),
        ),
        attentionFactor: 1,
      };
    case "yarn": {
      const factor = wanted("factor");
      const optional = (key: string): number | undefined => number(reader, settings, key);
      const spread = (mscale: number): number => (factor <= 1 ? 1 : 0.1 * mscale * Math.log(factor) + 1);
      const [mscale, allDim] = [optional("mscale"), optional("mscale_all_dim")];
      return {
        inverseFrequencies: yarn(plain, theta, factor, {
          original: optional("original_max_position_embeddings") ?? positions,
          fast: optional("beta_fast") ?? 32,
          slow: optional("beta_slow") ?? 1,
          truncate: settings.truncate !== false,
        }),
        attentionFactor: optional("attention_factor") ?? (mscale && allDim ? spread(mscale) / spread(allDim) : spread(1)),
      };
    }
    default:
      return unsupported(`rope scaling "${kind}"`);
  }
}

/** Low frequencies are divided by `factor`, high ones kept, those between interpolated by wavelength. */
function llama3(plain: Float64Array, factor: number, low: number, high: number, original: number): Float64Array {
  return plain.map((frequency) => {
    const wavelengths = (original * frequency) / (2 * Math.PI); // in the original context
    if (wavelengths < low) return frequency / factor;
    if (wavelengths > high) return frequency;
    const smooth = (wavelengths - low) / (high - low);
    return ((1 - smooth) * frequency) / factor + smooth * frequency;
  });
}

/** NTK-by-parts: dimensions that turn often in the original context keep their frequency, slow ones are divided by `factor`, with a ramp between. */
function yarn(
  plain: Float64Array,
  theta: number,
  factor: number,
  options: { original: number; fast: number; slow: number; truncate: boolean },
): Float64Array {
  const dims = plain.length * 2;
  const dimensionOf = (turns: number): number => (dims * Math.log(options.original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [from, to] = [dimensionOf(options.fast), dimensionOf(options.slow)];
  const low = Math.max(options.truncate ? Math.floor(from) : from, 0);
  const high = Math.min(options.truncate ? Math.ceil(to) : to, dims - 1);
  const width = low === high ? 0.001 : high - low;
  return plain.map((frequency, i) => {
    const ramp = Math.min(Math.max((i - low) / width, 0), 1);
    return (frequency / factor) * ramp + frequency * (1 - ramp);
  });
}

function section(reader: ConfigReader, key: string): Config | undefined {
  const value = reader.config[key] ?? undefined;
  if (value === undefined) return undefined;
  if (typeof value !== "object" || Array.isArray(value)) return reader.fail(key, "an object or null");
  return value as Config; // narrowed by hand: Array.isArray does not exclude readonly arrays
}

function kindOf(reader: ConfigReader, key: string, settings: Config): string {
  const [newer, older] = [settings.rope_type ?? undefined, settings.type ?? undefined];
  if (newer !== undefined && older !== undefined && newer !== older) return reader.fail(key, "one kind (rope_type and type differ)");
  const kind = newer ?? older ?? "default";
  return typeof kind === "string" ? kind : reader.fail(key, "a rope_type that is a string");
}

function number(reader: ConfigReader, settings: { readonly [key: string]: Json }, key: string): number | undefined {
  const value = settings[key] ?? undefined;
  if (value === undefined) return undefined;
  return typeof value === "number" && Number.isFinite(value) && value > 0 ? value : reader.fail(`rope ${key}`, "a number above 0", value);
}

function unsupported(what: string): never {
  throw new SecateurError("unsupported", `config.json: ${what} is not supported; known are default, linear, llama3 and yarn`, {
    where: { file: "config.json" },
  });
}
