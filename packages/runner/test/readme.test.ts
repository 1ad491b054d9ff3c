import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { safetensors } from "@secateur/format-safetensors";
import { inputNorm, inputRms } from "@secateur/kit";
import { describeModel } from "@secateur/models";
import { expect, it } from "vitest";
import { collect, createEngine, embed, generateGreedy, loadWeights, scoreSequences } from "../src/index.ts";
import { counting, goldenFolder } from "./support.ts";

it("the example of the README says what comes out", async () => {
  const model = await safetensors.open(goldenFolder("llama"));
  const backend = await createOnnxRuntimeBackend();
  const engine = createEngine(model, describeModel(model), backend);

  const ids = Int32Array.of(71, 93, 72, 47);
  const [scores] = await scoreSequences(engine, [ids]);
  const [written] = await generateGreedy(engine, [ids], { maxTokens: 3, endTokens: [0] });

  const { blocks, hidden } = engine.description;
  const block = blocks[0] as (typeof blocks)[number];
  const stream = await embed(model, engine.description, [counting(ids)], backend.preferredTokens);
  const weights = await loadWeights(engine, block.program, block.prefix);
  const linears = new Set(["self_attn.q_proj.weight"]);
  const stats = await collect(engine, block, weights, stream, { needs: [inputNorm], linears, advance: true });
  const q = stats.get("self_attn.q_proj.weight");
  weights.release();
  await engine.release();
  await backend.dispose();
  await model.close();

  expect(scores?.loss).toHaveLength(3);
  expect(scores?.best).toHaveLength(4);
  expect(written).toMatchObject({ finishReason: "length" });
  expect(written?.ids).toHaveLength(3);
  expect(q && inputRms(q)).toHaveLength(hidden);
});
