import type { Document } from "@secateur/kit";
import { type CollectOptions, collectSequences } from "@secateur/text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demoTokenizer, hasShared, SMOLLM2, sharedRows, smollm2, TURNS, textDocuments } from "./fixtures.ts";

const tokenizer = demoTokenizer({ chatTemplate: TURNS });
const at = (line: number) => ({ source: "rows.jsonl", line });
const row = (line: number, prompt: string, answer: string): Document => ({ kind: "answer", prompt, answer, origin: at(line) });
const collect = (options: Partial<CollectOptions>) => collectSequences({ documents: [], tokenizer, samples: 4, seqLen: 8, ...options });

describe("text", () => {
  test("is packed, each text with its end token", async () => {
    const texts = ["The whale", "and the sea.", "A long voyage around the cape."];
    const all = texts.flatMap((text) => [...tokenizer.encode(text), 0]);
    const collected = await collect({ documents: textDocuments(texts), seqLen: 5, samples: 3 });
    expect(collected.sequences.flatMap(({ ids }) => [...ids])).toEqual(all.slice(0, 15));
    expect(collected).toMatchObject({ tokens: 15, truncated: 0, weightless: 0, specialTokens: 0, wanted: 3, complete: true });
  });

  test("that is too short is used whole", async () => {
    const collected = await collect({ documents: textDocuments(["The whale"]) });
    expect(collected.sequences.map(({ ids }) => [...ids])).toEqual([[...tokenizer.encode("The whale"), 0]]);
    expect(collected).toMatchObject({ wanted: 4, complete: false });
    expect(await collect({})).toMatchObject({ sequences: [], tokens: 0, complete: false });
  });

  test("with pack false is a row each", async () => {
    const collected = await collect({ documents: textDocuments(["The whale", "The sea"]), pack: false, samples: 2 });
    expect(collected.sequences.map(({ ids }) => tokenizer.decode(ids))).toEqual(["The whale<|end|>", "The sea<|end|>"]);
    expect(collected.complete).toBe(true);
  });

  test("special tokens written out in it are counted", async () => {
    const collected = await collect({ documents: textDocuments(["x<|end|>y", "<|end|><|end|>"]), pack: false });
    expect(collected.specialTokens).toBe(3);
  });

  test("no more of it is read than needed", async () => {
    let read = 0;
    let closed = false;
    const documents = (async function* () {
      try {
        for (const document of textDocuments(Array(100).fill("The whale and the sea"))) {
          read++;
          yield document;
        }
      } finally {
        closed = true;
      }
    })();
    await collect({ documents, samples: 2, seqLen: 4 });
    expect(read).toBeLessThan(5);
    expect(closed).toBe(true);
  });

  test("without an end token cannot be packed", async () => {
    const endless = demoTokenizer({ config: { eos_token: null } });
    const message =
      "the tokenizer of demo has no end token, which packing puts after each document: name one as eos_token in tokenizer_config.json, or do not pack";
    await expect(collect({ documents: textDocuments(["a"]), tokenizer: endless })).rejects.toMatchObject({ code: "unsupported", message });
    await expect(collect({ documents: [row(1, "a", "b")], tokenizer: endless, pack: true })).rejects.toMatchObject({
      code: "unsupported",
      message,
    });
    expect(await collect({ documents: textDocuments(["a"]), tokenizer: endless, pack: false })).toMatchObject({ tokens: 1 });
  });
});

describe("other rows", () => {
  test("are a sequence each, cut at the length and counted", async () => {
    const documents: Document[] = [
      row(1, "7", " 8"),
      { kind: "ids", ids: [1, 2, 3, 4, 5, 6, 7, 8, 9], origin: at(2) },
      { kind: "messages", messages: [{ role: "user", content: "hi<|end|>" }], origin: at(3) },
    ];
    const collected = await collect({ documents });
    expect(collected.sequences.map(({ origin }) => origin?.line)).toEqual([1, 2, 3]);
    expect([...(collected.sequences[1]?.ids ?? [])]).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(collected).toMatchObject({ truncated: 2, specialTokens: 1, wanted: 4, complete: false });
    expect(collected.sequences.every(({ ids }) => ids.length <= 8)).toBe(true);
  });

  test("without any weight are left out and counted, and the next ones taken", async () => {
    const documents = [row(1, "7 8 9 7 8 9 7 8 9", " 1"), row(2, "7", " 8"), row(3, "8", " 9")];
    const collected = await collect({ documents, promptWeight: 0, samples: 2 });
    expect(collected.sequences.map(({ origin }) => origin?.line)).toEqual([2, 3]);
    expect(collected).toMatchObject({ truncated: 1, weightless: 1, complete: true });
  });

  test("are packed when asked to be, with their weights, and mix with text then", async () => {
    const documents = [row(1, "7", " 8"), ...textDocuments(["x"]), { kind: "ids", ids: [5], origin: at(3) } as const];
    const { sequences } = await collect({ documents, pack: true, promptWeight: 0, samples: 1, seqLen: 64 });
    expect([...(sequences[0]?.ids ?? [])]).toEqual([...tokenizer.encode("7 8"), 0, ...tokenizer.encode("x"), 0, 5]);
    expect([...(sequences[0]?.weights ?? [])].filter((weight) => weight === 0)).toHaveLength(1);
  });

  test("do not mix with text otherwise", async () => {
    await expect(collect({ documents: [...textDocuments(["x"]), row(2, "7", " 8")], seqLen: 64 })).rejects.toMatchObject({
      code: "data",
      where: { file: "rows.jsonl", line: 2 },
      message:
        "rows.jsonl, line 2: a row of kind answer comes after a row of text (rows.jsonl, line 1): text is packed and other rows are not, so either keep them in sources of their own or set pack",
    });
  });
});

describe("shuffle", () => {
  const documents = textDocuments(Array.from({ length: 40 }, (_, i) => `${i}`));
  const lines = async (options: Partial<CollectOptions>) =>
    (await collect({ documents, pack: false, samples: 40, ...options })).sequences.map(({ origin }) => origin?.line ?? 0);

  test("gives every document once, the same ones for the same seed", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.integer({ min: 1, max: 50 }), async (seed, buffer) => {
        const order = await lines({ shuffle: { seed, buffer } });
        expect([...order].sort((a, b) => a - b)).toEqual(documents.map((document) => document.origin.line));
        expect(await lines({ shuffle: { seed, buffer } })).toEqual(order);
      }),
      { numRuns: 20 },
    );
  });

  test("gives another order for another seed, and the source's for a buffer of one", async () => {
    expect(await lines({ shuffle: { seed: 1, buffer: 40 } })).not.toEqual(await lines({ shuffle: { seed: 2, buffer: 40 } }));
    expect(await lines({ shuffle: { seed: 1, buffer: 1 } })).toEqual(documents.map((document) => document.origin.line));
  });

  test("reads no more than its buffer ahead", async () => {
    expect(Math.max(...(await lines({ shuffle: { seed: 1, buffer: 5 }, samples: 3 })))).toBeLessThanOrEqual(8);
  });
});

test.each([
  [{ samples: 0 }, "samples is 0, a whole number from 1 on was wanted"],
  [{ seqLen: 1.5 }, "seqLen is 1.5, a whole number from 1 on was wanted"],
  [{ shuffle: { seed: 1, buffer: 0 } }, "shuffle buffer is 0, a whole number from 1 on was wanted"],
])("%o is refused", async (options, message) => {
  await expect(collect(options)).rejects.toMatchObject({ code: "usage", message });
});

const CALIBRATION = "goldens/smollm2-calibration.jsonl";
test.skipIf(!hasShared(CALIBRATION) || !hasShared(SMOLLM2))("SmolLM2's calibration windows are those of the reference", async () => {
  const documents = textDocuments(sharedRows("data/c4-sample/c4_demo.jsonl").map(({ text }) => text as string));
  const { sequences, complete } = await collect({ documents, tokenizer: smollm2(), samples: 64, seqLen: 512 });
  expect(complete).toBe(true);
  expect(sequences.map(({ ids }) => [...ids])).toEqual(sharedRows(CALIBRATION).map((line) => line.input_ids));
});
