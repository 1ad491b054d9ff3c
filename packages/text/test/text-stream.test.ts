import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTextStream, loadTokenizer, type Tokenizer } from "../src/index.ts";
import { demoTokenizer, wholeTextTokenizer } from "./fixtures.ts";

const tokenizer = demoTokenizer();

function read(from: Pick<Tokenizer, "decode">, ids: Iterable<number>, stops: readonly string[] = []) {
  const stream = createTextStream(from, stops);
  const parts = [];
  for (const id of ids) parts.push(stream.push(id));
  const { stopped } = stream;
  return { parts: [...parts, stream.end()], stopped: stopped || stream.stopped };
}

describe("a stream of text", () => {
  it("gives together what the tokens are together, whatever they are", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 2047 }), { maxLength: 30 }), (ids) => {
        expect(read(tokenizer, ids).parts.join("")).toBe(tokenizer.decode(ids));
      }),
      { numRuns: 300 },
    );
  });

  it("gives whole characters only, also where one is several tokens", () => {
    const ids = tokenizer.encode("añ 😊日本 b");
    const { parts } = read(tokenizer, ids);
    expect(parts.some((part) => part === "")).toBe(true);
    expect(parts.join("")).toBe("añ 😊日本 b");
    expect(parts.join("|")).not.toContain("\uFFFD");
  });

  it("gives bytes that are no character as the tokenizer does, when it is sure of them", () => {
    const [first] = tokenizer.encode("😊");
    const ids = [first as number, ...tokenizer.encode("ok")];
    expect(read(tokenizer, ids).parts[0]).toBe("");
    expect(read(tokenizer, ids).parts.join("")).toBe("\uFFFDok");
    expect(read(tokenizer, [first as number]).parts).toEqual(["", "\uFFFD"]);
  });

  it("keeps the spaces between the words of a tokenizer that takes one from the beginning of a text", () => {
    const files = wholeTextTokenizer(["▁a", "▁b", "b"], []);
    const decoder = {
      type: "Sequence",
      decoders: [...(files.tokenizer.decoder as { decoders: [] }).decoders, { type: "Strip", content: " ", start: 1, stop: 0 }],
    };
    const words = loadTokenizer({ ...files, tokenizer: { ...files.tokenizer, decoder } }, "words");
    expect(words.decode([1, 2, 2, 3])).toBe("a b bb");
    expect(read(words, [1, 2, 2, 3]).parts).toEqual(["a", " b", " b", "b", ""]);
  });
});

describe("a stop string", () => {
  it("ends the text before its first place, wherever the tokens part it", () => {
    const text = fc.array(fc.constantFrom("a", "b", "ab", " the", "\n", "😊"), { maxLength: 12 }).map((parts) => parts.join(""));
    fc.assert(
      fc.property(
        text,
        fc.array(
          text.filter((stop) => stop !== ""),
          { minLength: 1, maxLength: 2 },
        ),
        (written, stops) => {
          const places = stops.map((stop) => written.indexOf(stop)).filter((at) => at >= 0);
          const found = read(tokenizer, tokenizer.encode(written), stops);
          expect(found.parts.join("")).toBe(written.slice(0, Math.min(written.length, ...places)));
          expect(found.stopped).toBe(places.length > 0);
        },
      ),
      { numRuns: 300 },
    );
  });

  it("is never given in part", () => {
    const stream = createTextStream(tokenizer, ["Question:"]);
    const given = [..."42 Quest"].map((character) => stream.push(tokenizer.encode(character)[0] as number));
    expect(given.join("")).toBe("42 ");
    expect(stream.push(tokenizer.encode("s")[0] as number)).toBe("Quests");
    expect(stream.stopped).toBe(false);
  });

  it("is found when the text ends with it, and nothing comes after", () => {
    const stream = createTextStream(tokenizer, ["b"]);
    expect(stream.push(tokenizer.encode("a")[0] as number)).toBe("a");
    expect(stream.push(tokenizer.encode("b")[0] as number)).toBe("");
    expect(stream.stopped).toBe(true);
    expect([stream.push(tokenizer.encode("c")[0] as number), stream.end()]).toEqual(["", ""]);
  });

  it("is not empty", () => {
    expect(() => createTextStream(tokenizer, ["a", ""])).toThrow("a stop string is empty: every text would end before it begins");
  });
});
