import { SecateurError } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { configReader } from "../src/config.ts";
import { readRotary, rotaryTables } from "../src/rotary.ts";

const read = (config: Parameters<typeof configReader>[0], headDim = 64, positions = 4096) =>
  readRotary(configReader(config, "llama"), headDim, positions);

describe("rotary settings", () => {
  // Each of these spellings has broken some loader.
  const linear = [
    { rope_theta: 10000, rope_scaling: { type: "linear", factor: 2 } },
    { rope_theta: 10000, rope_scaling: { rope_type: "linear", factor: 2 } },
    { rope_theta: 10000, rope_scaling: { type: "linear", rope_type: "linear", factor: 2 } },
    { rope_parameters: { rope_theta: 10000, rope_type: "linear", factor: 2 } },
  ];

  it("gives the same bits for every spelling of linear scaling", () => {
    const expected = Float64Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32) / 2);
    for (const config of linear) expect(read(config).inverseFrequencies).toEqual(expected);
  });

  it("takes a null or absent entry for plain", () => {
    const plain = Float64Array.from({ length: 32 }, (_, i) => 10000 ** (-i / 32));
    expect(read({}).inverseFrequencies).toEqual(plain);
    expect(read({ rope_scaling: null, rope_parameters: null }).inverseFrequencies).toEqual(plain);
    expect(read({ rope_parameters: { rope_theta: 10000, rope_type: "default" } }).inverseFrequencies).toEqual(plain);
  });

  it("computes llama3", () => {
    const settings = { rope_type: "llama3", factor: 32, low_freq_factor: 1, high_freq_factor: 4, original_max_position_embeddings: 8192 };
    const { inverseFrequencies, attentionFactor } = read({ rope_theta: 5e5, rope_scaling: settings });
    const known: [number, number][] = [
      [14, 0.00321145],
      [15, 0.00129055],
      [16, 4.29557e-4],
      [17, 9.70829e-5],
      [31, 9.41831e-8],
    ];
    for (const [i, frequency] of known) expect((inverseFrequencies[i] as number) / frequency).toBeCloseTo(1, 5);
    expect(attentionFactor).toBe(1);
  });

  it("computes yarn's attention factor and leaves the fastest dimension alone", () => {
    const { inverseFrequencies, attentionFactor } = read(
      { rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 4096 } },
      64,
      16384,
    );
    expect(attentionFactor).toBeCloseTo(1.13863, 5);
    expect(inverseFrequencies[0]).toBe(1);
    expect((inverseFrequencies[31] as number) / (10000 ** (-31 / 32) / 4)).toBeCloseTo(1, 12);
    const { cos } = rotaryTables({ inverseFrequencies, attentionFactor }, 1);
    expect(cos.data[0]).toBeCloseTo(1.13863, 5);
  });

  const hostile: [string, Parameters<typeof read>[0], string][] = [
    [
      "dynamic",
      { rope_scaling: { type: "dynamic", factor: 2 } },
      'config.json: rope scaling "dynamic" is not supported; known are default, linear, llama3 and yarn',
    ],
    ["su", { rope_scaling: { type: "su" } }, 'config.json: rope scaling "su" is not supported; known are default, linear, llama3 and yarn'],
    [
      "mrope",
      { rope_scaling: { type: "mrope", mrope_section: [16, 24, 24] } },
      'config.json: rope scaling "mrope" is not supported; known are default, linear, llama3 and yarn',
    ],
    [
      "a factor that is no number",
      { rope_scaling: { type: "linear", factor: "2" } },
      'config.json of a llama model: rope factor is "2", a number above 0 is wanted',
    ],
    [
      "a factor that is missing",
      { rope_scaling: { type: "linear" } },
      "config.json of a llama model: rope linear: factor is nothing, a number above 0 is wanted",
    ],
    [
      "settings for each kind of layers",
      { rope_parameters: { full_attention: { rope_type: "default", rope_theta: 1e6 } } },
      "config.json: rope_parameters of several kinds of layers is not supported; known are default, linear, llama3 and yarn",
    ],
    ["a list of settings", { rope_scaling: [2] }, "config.json of a llama model: rope_scaling is [2], an object or null is wanted"],
    [
      "partial",
      { partial_rotary_factor: 0.5 },
      "config.json: partial_rotary_factor 0.5 is not supported; known are default, linear, llama3 and yarn",
    ],
    [
      "kinds that differ",
      { rope_scaling: { type: "linear", rope_type: "yarn", factor: 2 } },
      'config.json of a llama model: rope_scaling is {"type":"linear","rope_type":"yarn","factor":2}, one kind (rope_type and type differ) is wanted',
    ],
  ];
  for (const [name, config, message] of hostile) {
    it(`refuses ${name} by name`, () => {
      expect(() => read(config)).toThrow(expect.objectContaining({ message, constructor: SecateurError }));
    });
  }
});
