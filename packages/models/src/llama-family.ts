import { type Program, type ProgramBuilder, programBuilder, resolveShape, type Value } from "@secateur/graph";
import { type Config, type ConfigReader, configReader } from "./config.ts";
import {
  type BlockDescription,
  COS,
  type HeadDescription,
  HIDDEN,
  type ModelDescription,
  NEXT_HIDDEN,
  SIN,
  TARGET,
} from "./description.ts";
import { readRotary } from "./rotary.ts";

/** What tells one architecture of the Llama family from another. */
export interface Variant {
  readonly modelType: string;
  /** Which of the linear layers have a bias. */
  bias(reader: ConfigReader): { readonly qkv: boolean; readonly output: boolean; readonly mlp: boolean };
  /** Queries and keys are normalised head by head before the rotary step. */
  readonly headNorm: boolean;
  /** How many tokens the attention of each block sees; 0 when all. */
  window(reader: ConfigReader, block: number): number;
}

interface Sizes extends Record<string, number> {
  readonly hidden: number;
  readonly ffn: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly headDim: number;
  readonly vocabulary: number;
}

// Past these a config is no model's: what is allocated for it stays small. The deepest published models have some 130 blocks.
const MAX_BLOCKS = 1024;
const MAX_HEAD_DIM = 8192;

/**
 * A model of pre-normalised blocks of grouped-query attention with rotary positions and a gated feed-forward layer (Llama, arXiv 2302.13971),
 * in the names that the transformers library gives its tensors.
 */
export function describeLlamaFamily(config: Config, variant: Variant): ModelDescription {
  const reader = configReader(config, variant.modelType);
  reader.only("hidden_act", ["silu"]);
  const heads = reader.count("num_attention_heads");
  const hidden = reader.count("hidden_size");
  const kvHeads = reader.count("num_key_value_heads", heads);
  if (heads % kvHeads !== 0) reader.fail("num_key_value_heads", `a divisor of num_attention_heads = ${heads}`);
  if (hidden % heads !== 0 && (config.head_dim ?? null) === null)
    reader.fail("hidden_size", `a multiple of num_attention_heads = ${heads}, or head_dim,`);
  const headDim = reader.count("head_dim", hidden / heads);
  if (headDim % 2 !== 0 || headDim > MAX_HEAD_DIM) reader.fail("head_dim", `an even number up to ${MAX_HEAD_DIM}`, headDim);
  const sizes: Sizes = { hidden, heads, kvHeads, headDim, ffn: reader.count("intermediate_size"), vocabulary: reader.count("vocab_size") };
  const positions = reader.count("max_position_embeddings", 2048);
  const epsilon = reader.positive("rms_norm_eps", 1e-6);
  const bias = variant.bias(reader);

  const depth = reader.count("num_hidden_layers");
  if (depth > MAX_BLOCKS) reader.fail("num_hidden_layers", `at most ${MAX_BLOCKS}`);
  const programs = new Map<number, Program>();
  const blocks = Array.from({ length: depth }, (_, i): BlockDescription => {
    const window = variant.window(reader, i);
    const program = programs.get(window) ?? blockProgram(sizes, { epsilon, bias, headNorm: variant.headNorm, window });
    programs.set(window, program);
    return { prefix: `model.layers.${i}.`, program, window };
  });
  const head = describeHead(sizes, epsilon, reader.flag("tie_word_embeddings", false));
  return {
    modelType: variant.modelType,
    hidden,
    vocabulary: sizes.vocabulary,
    positions,
    embedding: { tensor: EMBEDDING },
    rotary: readRotary(reader, headDim, positions),
    blocks,
    head,
    tensors: expectedTensors(sizes, blocks, head),
  };
}

const EMBEDDING = "model.embed_tokens.weight";

interface BlockOptions {
  readonly epsilon: number;
  readonly bias: ReturnType<Variant["bias"]>;
  readonly headNorm: boolean;
  readonly window: number;
}

function blockProgram(sizes: Sizes, { epsilon, bias, headNorm, window }: BlockOptions): Program {
  const b = programBuilder(sizes);
  const { heads, kvHeads, headDim } = sizes;
  const linear = (x: Value, name: string, axes: [string, string], biased: boolean): Value =>
    b.linear(x, b.weight(`${name}.weight`, axes), biased ? b.weight(`${name}.bias`, axes.slice(0, 1)) : undefined);
  const norm = (x: Value, name: string): Value => b.rmsNorm(x, b.weight(`${name}.weight`, ["hidden"]), epsilon);

  const hidden = b.input(HIDDEN, ["batch", "tokens", "hidden"]);
  const cos = b.input(COS, ["tokens", headDim / 2]);
  const sin = b.input(SIN, ["tokens", headDim / 2]);

  const read = norm(hidden, "input_layernorm");
  const q = linear(read, "self_attn.q_proj", ["heads*headDim", "hidden"], bias.qkv);
  const k = linear(read, "self_attn.k_proj", ["kvHeads*headDim", "hidden"], bias.qkv);
  const v = linear(read, "self_attn.v_proj", ["kvHeads*headDim", "hidden"], bias.qkv);
  const turn = (x: Value, count: number, name: string): Value =>
    b.rope(headNorm ? perHead(b, x, count, headDim, name, epsilon) : x, cos, sin, count);
  const mixed = b.attention(turn(q, heads, "self_attn.q_norm"), turn(k, kvHeads, "self_attn.k_norm"), v, {
    heads,
    kvHeads,
    scale: headDim ** -0.5,
    window,
  });
  const attended = b.add(hidden, linear(mixed, "self_attn.o_proj", ["hidden", "heads*headDim"], bias.output));

  const fed = norm(attended, "post_attention_layernorm");
  const gate = b.silu(linear(fed, "mlp.gate_proj", ["ffn", "hidden"], bias.mlp));
  const up = linear(fed, "mlp.up_proj", ["ffn", "hidden"], bias.mlp);
  const down = linear(b.mul(gate, up), "mlp.down_proj", ["hidden", "ffn"], bias.mlp);
  return b.build({ [NEXT_HIDDEN]: b.add(attended, down) });
}

function perHead(b: ProgramBuilder, x: Value, heads: number, headDim: number, name: string, epsilon: number): Value {
  const split = b.reshape(x, ["batch", "tokens", heads, headDim]);
  return b.reshape(b.rmsNorm(split, b.weight(`${name}.weight`, ["headDim"]), epsilon), x.shape);
}

function describeHead(sizes: Sizes, epsilon: number, tied: boolean): HeadDescription {
  const start = (): { b: ProgramBuilder; logits: Value } => {
    const b = programBuilder(sizes);
    const normed = b.rmsNorm(b.input(HIDDEN, ["batch", "tokens", "hidden"]), b.weight("model.norm.weight", ["hidden"]), epsilon);
    return { b, logits: b.linear(normed, b.weight(tied ? EMBEDDING : "lm_head.weight", ["vocabulary", "hidden"])) };
  };
  const plain = start();
  const scored = start();
  const target = scored.b.input(TARGET, ["batch", "tokens"], "I32");
  return {
    tied,
    logits: plain.b.build({ logits: plain.logits }),
    loss: scored.b.build({ loss: scored.b.tokenLoss(scored.logits, target), best: scored.b.argmax(scored.logits) }),
  };
}

function expectedTensors(sizes: Sizes, blocks: readonly BlockDescription[], head: HeadDescription): Map<string, readonly number[]> {
  const tensors = new Map<string, readonly number[]>([[EMBEDDING, [sizes.vocabulary, sizes.hidden]]]);
  for (const { prefix, program } of blocks) {
    for (const { name, shape } of program.weights) tensors.set(prefix + name, resolveShape(shape, program.axes));
  }
  for (const { name, shape } of head.loss.weights) tensors.set(name, resolveShape(shape, sizes));
  return tensors;
}
