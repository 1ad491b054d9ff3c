import { readFileSync } from "node:fs";
import { costOf } from "@secateur/graph";
import type { OpenModel, TensorInfo } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { ARCHITECTURES, type Config, describeModel, llama, mistral, qwen2 } from "../src/index.ts";

const base: Config = {
  model_type: "llama",
  hidden_size: 64,
  intermediate_size: 96,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  num_hidden_layers: 2,
  vocab_size: 32,
  rms_norm_eps: 1e-5,
};

/** The headers that a model of this config has, without its data. */
function headers(config: Config, change: (tensors: Map<string, TensorInfo>) => void = () => {}): OpenModel {
  const architecture = ARCHITECTURES.find(({ modelType }) => modelType === config.model_type);
  const tensors = new Map<string, TensorInfo>();
  for (const [name, shape] of architecture?.describe(config).tensors ?? [])
    tensors.set(name, { name, shape, dtype: "F32", file: "model.safetensors" });
  change(tensors);
  const none = (): never => {
    throw new Error("only headers are read");
  };
  return {
    source: "m",
    format: "safetensors",
    config,
    generationConfig: undefined,
    tokenizer: undefined,
    tensors,
    files: [],
    read: none,
    readRows: none,
    hash: none,
    close: none,
  };
}

describe("an explicit head size", () => {
  it("decides the widths of q, k, v and o, the rotary step and the cost", () => {
    const { tensors, rotary, blocks } = llama.describe({ ...base, head_dim: 32 });
    expect(tensors.get("model.layers.0.self_attn.q_proj.weight")).toEqual([128, 64]);
    expect(tensors.get("model.layers.0.self_attn.k_proj.weight")).toEqual([64, 64]);
    expect(tensors.get("model.layers.1.self_attn.v_proj.weight")).toEqual([64, 64]);
    expect(tensors.get("model.layers.1.self_attn.o_proj.weight")).toEqual([64, 128]);
    expect(rotary.inverseFrequencies.length).toBe(16);
    const program = blocks[0]?.program;
    const o = program?.taps.find(({ linears }) => linears.some(({ weight }) => weight.includes("o_proj")));
    expect(program?.values[o?.input ?? ""]?.shape).toEqual(["batch", "tokens", 128]);
    const matrices = 128 * 64 * 2 + 64 * 64 * 2 + 3 * 96 * 64;
    const cost = costOf(program as NonNullable<typeof program>, { batch: 1, tokens: 10 });
    expect(cost.flops).toBeGreaterThan(2 * 10 * matrices);
    expect(cost.flops).toBeLessThan(1.1 * (2 * 10 * matrices + 4 * 10 * 10 * 128));
  });

  it("is hidden / heads when null or absent", () => {
    for (const config of [{ ...base, head_dim: null }, base]) {
      expect(llama.describe(config).tensors.get("model.layers.0.self_attn.q_proj.weight")).toEqual([64, 64]);
    }
  });
});

describe("features of the family", () => {
  it("reads q/k/v with one tap, gate/up with another", () => {
    const taps = llama
      .describe(base)
      .blocks[0]?.program.taps.map(({ linears }) => linears.map(({ weight }) => weight.replace(".weight", "")));
    expect(taps).toEqual([
      ["self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"],
      ["self_attn.o_proj"],
      ["mlp.gate_proj", "mlp.up_proj"],
      ["mlp.down_proj"],
    ]);
  });

  it("names the axes of each weight", () => {
    const weight = llama.describe(base).blocks[0]?.program.weights.find(({ name }) => name === "self_attn.k_proj.weight");
    expect(weight?.axes).toEqual(["kvHeads*headDim", "hidden"]);
  });

  it("shares one program between blocks of one shape", () => {
    const [first, second] = llama.describe(base).blocks;
    expect(first?.program).toBe(second?.program);
  });

  it("has a head of its own unless it is tied", () => {
    expect(llama.describe(base).tensors.get("lm_head.weight")).toEqual([32, 64]);
    expect(llama.describe({ ...base, tie_word_embeddings: true }).tensors.has("lm_head.weight")).toBe(false);
  });

  it("windows Mistral's blocks where the config says so, and Qwen's only from the layer that it names", () => {
    expect(mistral.describe({ ...base, sliding_window: null }).blocks.map(({ window }) => window)).toEqual([0, 0]);
    expect(mistral.describe({ ...base, sliding_window: 8 }).blocks.map(({ window }) => window)).toEqual([8, 8]);
    expect(qwen2.describe({ ...base, sliding_window: 8, use_sliding_window: false }).blocks.map(({ window }) => window)).toEqual([0, 0]);
    expect(
      qwen2.describe({ ...base, sliding_window: 8, use_sliding_window: true, max_window_layers: 1 }).blocks.map(({ window }) => window),
    ).toEqual([0, 8]);
    const types = ["sliding_attention", "full_attention"];
    expect(
      qwen2.describe({ ...base, sliding_window: 8, use_sliding_window: true, layer_types: types }).blocks.map(({ window }) => window),
    ).toEqual([8, 0]);
  });

  it("takes an absent window for 4096 tokens, as the configs' own library does", () => {
    expect(mistral.describe(base).blocks.map(({ window }) => window)).toEqual([4096, 4096]);
    expect(qwen2.describe({ ...base, use_sliding_window: true, max_window_layers: 1 }).blocks.map(({ window }) => window)).toEqual([
      0, 4096,
    ]);
    expect(qwen2.describe(base).blocks.map(({ window }) => window)).toEqual([0, 0]);
  });
});

describe("describeModel", () => {
  it("accepts the headers that it asks for", () => {
    expect(describeModel(headers(base)).modelType).toBe("llama");
  });

  it("passes over tensors that are no part of its blocks, and over the rotary buffers of old files", () => {
    const names = [
      "model.layers.0.self_attn.rotary_emb.inv_freq",
      "model.layers.2.mlp.up_proj.weight",
      "vision.layers.0.norm.bias",
      "extra",
    ];
    const model = headers(base, (t) => {
      for (const name of names) t.set(name, { name, shape: [8], dtype: "F32", file: "model.safetensors" });
    });
    expect(describeModel(model).blocks).toHaveLength(2);
  });

  const hostile: [string, () => OpenModel, string][] = [
    [
      "an unknown architecture",
      () => headers({ ...base, model_type: "mamba" }),
      'm: config.json says model_type "mamba"; known are llama, mistral, qwen2, qwen3',
    ],
    ["no architecture", () => headers({}), "m: config.json says model_type null; known are llama, mistral, qwen2, qwen3"],
    [
      "a missing tensor",
      () => headers(base, (t) => t.delete("lm_head.weight")),
      "m: the tensor lm_head.weight is missing, config.json asks for it",
    ],
    [
      "a tensor of a wrong shape",
      () =>
        headers(base, (t) =>
          t.set("model.norm.weight", { name: "model.norm.weight", shape: [63], dtype: "F32", file: "model.safetensors" }),
        ),
      "m: model.norm.weight has shape [63], config.json asks for [64]",
    ],
    [
      "weights of whole numbers",
      () =>
        headers(base, (t) =>
          t.set("model.norm.weight", { name: "model.norm.weight", shape: [64], dtype: "I8", file: "model.safetensors" }),
        ),
      "m: model.norm.weight has dtype I8, a floating-point dtype is wanted",
    ],
    [
      "another activation",
      () => headers({ ...base, hidden_act: "gelu" }),
      'config.json of a llama model: hidden_act "gelu" is not supported, only "silu"',
    ],
    [
      "heads that do not divide",
      () => headers({ ...base, num_key_value_heads: 3 }),
      "config.json of a llama model: num_key_value_heads is 3, a divisor of num_attention_heads = 4 is wanted",
    ],
    [
      "a bias that the config does not name",
      () =>
        headers(base, (t) => {
          const name = "model.layers.1.self_attn.q_proj.bias";
          t.set(name, { name, shape: [64], dtype: "F32", file: "model.safetensors" });
        }),
      "m: a llama model of this config.json has no tensor model.layers.1.self_attn.q_proj.bias",
    ],
    [
      "kinds of layers that it does not know",
      () => headers({ ...base, model_type: "qwen2", use_sliding_window: true, layer_types: ["full_attention", "chunked_attention"] }),
      'config.json of a qwen2 model: layer_types[1] is "chunked_attention", "full_attention" or "sliding_attention" is wanted',
    ],
    [
      "too few kinds of layers",
      () => headers({ ...base, model_type: "qwen2", use_sliding_window: true, layer_types: ["full_attention"] }),
      'config.json of a qwen2 model: layer_types[1] is null, "full_attention" or "sliding_attention" is wanted',
    ],
    [
      "blocks without end",
      () => headers({ ...base, num_hidden_layers: 2 ** 50 }),
      "config.json of a llama model: num_hidden_layers is 1125899906842624, at most 1024 is wanted",
    ],
    [
      "heads without end",
      () => headers({ ...base, head_dim: 2 ** 50 }),
      "config.json of a llama model: head_dim is 1125899906842624, an even number up to 8192 is wanted",
    ],
    [
      "heads of an odd size",
      () => headers({ ...base, hidden_size: 60 }),
      "config.json of a llama model: head_dim is 15, an even number up to 8192 is wanted",
    ],
    [
      "a size that is no number",
      () => headers({ ...base, hidden_size: "64" }),
      'config.json of a llama model: hidden_size is "64", a whole number above 0 is wanted',
    ],
    [
      "a setting that is no truth value",
      () => headers({ ...base, attention_bias: 1 }),
      "config.json of a llama model: attention_bias is 1, true or false is wanted",
    ],
    [
      "a missing size",
      () => headers({ ...base, intermediate_size: null }),
      "config.json of a llama model: intermediate_size is nothing, a whole number above 0 is wanted",
    ],
  ];
  for (const [name, make, message] of hostile) it(`refuses ${name}`, () => expect(() => describeModel(make())).toThrow(message));

  it("describes every golden model", () => {
    for (const { modelType } of ARCHITECTURES) {
      const config = JSON.parse(readFileSync(new URL(`../../../fixtures/goldens/${modelType}/config.json`, import.meta.url), "utf8"));
      expect(describeModel(headers(config)).vocabulary).toBe(96);
    }
  });
});
