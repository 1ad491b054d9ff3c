import { createReferenceBackend } from "@secateur/backend-reference";
import type { Backend } from "@secateur/kit";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareSequences, type Engine, logitsOf } from "../src/index.ts";
import { describeOnBackends } from "./backends.ts";
import { counted, distance, engineOf, failureOf, golden, goldenFolder, openEngine, randomIds, randomWeights, tiny } from "./support.ts";

/** KL(other ‖ own) and agreement after each token, from both models' logits in double precision. */
async function direct(own: Engine, other: Engine, ids: Int32Array) {
  const [q, p] = await Promise.all([own, other].map(async (engine) => (await logitsOf(engine, [ids]))[0] as Float32Array));
  const size = own.description.vocabulary;
  return [...ids.keys()].map((t) => {
    const rows = [p, q].map((logits) => (logits as Float32Array).subarray(t * size, (t + 1) * size));
    const [logP, logQ] = rows.map((row) => {
      const spread = Math.log(row.reduce((sum, logit) => sum + Math.exp(logit), 0));
      return [...row].map((logit) => logit - spread);
    }) as [number[], number[]];
    const [bestP, bestQ] = rows.map((row) => row.indexOf(Math.max(...row)));
    return {
      divergence: logP.reduce((sum, one, i) => sum + Math.exp(one) * (one - (logQ[i] as number)), 0),
      agrees: bestP === bestQ ? 1 : 0,
    };
  });
}

describeOnBackends("two models", (make) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await make();
  });
  afterAll(() => backend.dispose());

  it("are as far from each other as their logits say, of several lengths and with a common beginning", async () => {
    const [own, other] = [await engineOf(backend, tiny()), await engineOf(backend, tiny({ tie_word_embeddings: false, hidden_size: 64 }))];
    const prompt = [...randomIds(30, 40)];
    const sequences = [randomIds(11, 40, 2), ...[1, 2].map((s) => Int32Array.from([...prompt, ...randomIds(5, 40, s)]))];
    const found = await compareSequences(own, other, sequences);
    for (const [i, ids] of sequences.entries()) {
      const expected = await direct(own, other, ids);
      expect(
        distance(
          found[i]?.divergence ?? [],
          expected.map(({ divergence }) => divergence),
        ),
      ).toBeLessThan(1e-4);
      expect([...(found[i]?.agrees ?? [])]).toEqual(expected.map(({ agrees }) => agrees));
      expect(Math.min(...(found[i]?.divergence ?? []))).toBeGreaterThan(0);
    }
    expect(new Set(found.flatMap(({ agrees }) => [...agrees]))).toEqual(new Set([0, 1]));
    for (const engine of [own, other]) await engine.release();
  });

  it("are as far as the logits of a golden say from another of its vocabulary", async () => {
    const [own, other] = [await openEngine(backend, goldenFolder("llama")), await openEngine(backend, goldenFolder("qwen3"))];
    const { ids } = golden("llama");
    const found = await compareSequences(own, other, ids);
    for (const [i, row] of ids.entries()) {
      const expected = await direct(own, other, row);
      expect(
        distance(
          found[i]?.divergence ?? [],
          expected.map(({ divergence }) => divergence),
        ),
      ).toBeLessThan(1e-4);
    }
    for (const engine of [own, other]) await engine.release();
  });

  it("that are one are no way from each other, and agree in everything", async () => {
    const [own, other] = [await openEngine(backend, goldenFolder("mistral")), await openEngine(backend, goldenFolder("mistral"))];
    for (const { divergence, agrees } of await compareSequences(own, other, golden("mistral").ids)) {
      expect(divergence).toEqual(new Float32Array(24));
      expect(agrees).toEqual(new Int32Array(24).fill(1));
    }
    for (const engine of [own, other]) await engine.release();
  });
});

describe("a comparison", () => {
  it("leaves nothing on the backend, also when a run fails", async () => {
    for (const runs of [Number.POSITIVE_INFINITY, 0, 3, 4]) {
      const { backend, alive } = counted(createReferenceBackend(), runs);
      const [own, other] = [await engineOf(backend, tiny()), await engineOf(backend, tiny(), randomWeights(tiny(), 2))];
      const work = () => compareSequences(own, other, [randomIds(9, 40)]);
      if (runs > 4) await work();
      else expect(await failureOf(work)).toEqual(["backend", "the device is lost"]);
      for (const engine of [own, other]) await engine.release();
      expect(alive()).toEqual({ tensors: 0, executables: 0 });
    }
  });

  it("reports its progress up to the whole, and can be cancelled", async () => {
    const backend = createReferenceBackend();
    const [own, other] = [await engineOf(backend, tiny()), await engineOf(backend, tiny(), randomWeights(tiny(), 2))];
    const shares: number[] = [];
    await compareSequences(own, other, [randomIds(9, 40)], { onProgress: (share) => shares.push(share) });
    expect(shares).toEqual([...shares].sort((a, b) => a - b));
    expect(shares.at(-1)).toBe(1);
    const control = new AbortController();
    const options = { signal: control.signal, onProgress: () => control.abort() };
    expect(await failureOf(() => compareSequences(own, other, [randomIds(9, 40)], options))).toEqual([
      "cancelled",
      "the run was cancelled",
    ]);
  });

  it("refuses models that cannot be compared, and what is not finite", async () => {
    const backend = createReferenceBackend();
    const own = await engineOf(backend, tiny());
    const small = await engineOf(backend, tiny({ vocab_size: 39 }));
    const elsewhere = await engineOf(createReferenceBackend(), tiny());
    const short = await engineOf(backend, tiny({ max_position_embeddings: 8 }));
    const broken = await engineOf(
      backend,
      tiny(),
      new Map([...randomWeights(tiny())].map(([name, values]) => [name, name === "model.norm.weight" ? values.fill(Number.NaN) : values])),
    );
    const cases: [Engine, string, string][] = [
      [small, "unsupported", "the two models cannot be compared: their vocabularies have 40 and 39 tokens"],
      [elsewhere, "unsupported", "the two models cannot be compared: they are on two backends"],
      [short, "data", "sequence 1 has 9 tokens, the model has 8 positions"],
      [broken, "numeric", "sequence 1: the divergence is NaN: what one of the models says of it is not finite"],
    ];
    for (const [other, code, message] of cases)
      expect(await failureOf(() => compareSequences(own, other, [randomIds(9, 40)]))).toEqual([code, message]);
  });
});
