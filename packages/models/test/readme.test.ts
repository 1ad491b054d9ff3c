import { costOf } from "@secateur/graph";
import { expect, it } from "vitest";
import { llama } from "../src/index.ts";

it("the example of the README says what comes out", () => {
  const { blocks, tensors } = llama.describe({
    model_type: "llama",
    hidden_size: 576,
    intermediate_size: 1536,
    num_hidden_layers: 30,
    num_attention_heads: 9,
    num_key_value_heads: 3,
    vocab_size: 49152,
    max_position_embeddings: 8192,
    tie_word_embeddings: true,
  });
  const [first] = blocks;
  expect(first?.program.taps.map((tap) => tap.linears.length)).toEqual([3, 1, 2, 1]);
  expect(first && costOf(first.program, { batch: 1, tokens: 512 }).flops).toBe(4235919360);
  expect(tensors.get("model.layers.29.mlp.down_proj.weight")).toEqual([576, 1536]);
});
