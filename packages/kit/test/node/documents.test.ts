import { describe, expect, it } from "vitest";
import { type Document, type Loader, type LoadOptions, type LoadReport, SecateurError } from "../../src/index.ts";
import { readDocuments } from "../../src/node.ts";

const origin = { source: "a.odd", line: 4 };
const good = { kind: "text", text: "well", origin } as const;

function loader(load: (options: LoadOptions, report: LoadReport) => unknown): Loader {
  return {
    name: "odd",
    summary: "what it likes",
    extensions: [".odd"],
    load: (_, options, report) => load(options, report) as AsyncIterable<Document>,
  };
}

async function read(load: (options: LoadOptions, report: LoadReport) => unknown, options: LoadOptions = {}): Promise<Document[]> {
  const documents: Document[] = [];
  for await (const document of readDocuments([loader(load)], "a.odd", options, { rows: 0, empty: 0, duplicates: 0 }))
    documents.push(document);
  return documents;
}

const every: readonly Document[] = [
  good,
  { kind: "answer", prompt: "1 + 1 =", answer: " 2", origin },
  { kind: "answer", prompt: "1 + 2 =", answer: " 3", stop: ["\n"], counts: "[0-9]+", maxTokens: 8, origin: { ...origin, unit: "row" } },
  { kind: "choices", prompt: "", choices: ["a", "b"], answer: 1, origin },
  { kind: "messages", messages: [{ role: "user", content: "hello" }], origin },
  { kind: "ids", ids: [0, 7], origin },
];

describe("readDocuments", () => {
  it("gives every kind of document as it is", async () => {
    expect(await read(() => every)).toEqual(every);
  });

  it("refuses a source that no loader reads at once", () => {
    const report = { rows: 0, empty: 0, duplicates: 0 };
    expect(() => readDocuments([loader(() => [])], "a.csv", {}, report)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  it("closes the loader when it is left", async () => {
    let closed = false;
    const load = async function* (): AsyncGenerator<Document> {
      try {
        yield* every;
      } finally {
        closed = true;
      }
    };
    for await (const document of readDocuments([loader(load)], "a.odd", {}, { rows: 0, empty: 0, duplicates: 0 })) {
      expect(document).toEqual(good);
      break;
    }
    expect(closed).toBe(true);
  });

  it.each<[what: string, load: (options: LoadOptions, report: LoadReport) => unknown, message: string, line?: number]>([
    [
      "throws at once",
      () => {
        throw new Error("no luck");
      },
      "failed on a.odd: no luck",
    ],
    [
      "throws on its way",
      async function* () {
        yield good;
        throw "a tantrum";
      },
      "failed on a.odd after line 4: a tantrum",
      4,
    ],
    ["gives nothing to read from", () => undefined, "gave no documents of a.odd, wanted an async iterable"],
    [
      "renames a column",
      ({ fields }) => Object.assign(fields ?? {}, { text: "body" }),
      "failed on a.odd: Cannot assign to read only property 'text' of object '#<Object>'",
    ],
    [
      "throws behind a row",
      async function* () {
        yield { ...good, origin: { ...origin, unit: "row" } };
        throw new Error("no luck");
      },
      "failed on a.odd after row 4: no luck",
      4,
    ],
    [
      "changes a template",
      ({ template }) => Object.assign(template ?? {}, { text: "{body}" }),
      "failed on a.odd: Cannot assign to read only property 'text' of object '#<Object>'",
    ],
    [
      "counts nothing",
      (_, report) => {
        report.rows = Number.NaN;
        return [good];
      },
      "counted NaN rows of a.odd, wanted a whole number from 0",
    ],
    [
      "counts in the end",
      async function* (_, report) {
        yield good;
        report.duplicates = -1;
      },
      "counted -1 duplicates of a.odd, wanted a whole number from 0",
    ],
  ])("names a loader that %s", async (_, load, message, line) => {
    await expect(read(load, { fields: { text: "content" }, template: { text: "{content}" } })).rejects.toMatchObject({
      code: "plugin",
      message: `loader odd ${message}`,
      where: { file: "a.odd", ...(line !== undefined && { line }) },
    });
  });

  it.each<[document: unknown, fault: string]>([
    [undefined, "is undefined, wanted an object"],
    ["a line", 'is "a line", wanted an object'],
    [{ kind: "text", text: "well" }, "has no origin with a source and a line from 1"],
    [{ ...good, origin: { source: "a.odd", line: 0 } }, "has no origin with a source and a line from 1"],
    [{ ...good, origin: { ...origin, unit: "page" } }, 'has an origin that counts "page", wanted line or row'],
    [{ ...every[1], stop: "x" }, 'has the stop "x", wanted an array'],
    [{ ...every[1], maxTokens: 0 }, "has the limit 0 of an answer's tokens, wanted a whole number from 1"],
    [{ ...every[1], stop: [1] }, "has the text to stop at 1, wanted a text"],
    [{ ...every[1], counts: /x/ }, "has the expression of what counts an object, wanted a text"],
    [{ ...good, origin: { line: 1 } }, "has no origin with a source and a line from 1"],
    [{ ...good, kind: "poem" }, 'is of kind "poem", wanted text, answer, choices, messages or ids'],
    [{ ...good, kind: "toString" }, 'is of kind "toString", wanted text, answer, choices, messages or ids'],
    [{ ...good, text: 7 }, "has the text 7, wanted a text"],
    [{ ...good, text: null }, "has the text null, wanted a text"],
    [{ kind: "answer", prompt: ["a"], answer: "b", origin }, "has the prompt an array of 1, wanted a text"],
    [{ kind: "answer", prompt: "a", origin }, "has the answer undefined, wanted a text"],
    [{ kind: "choices", prompt: "a", choices: "bc", answer: 0, origin }, 'has the choices "bc", wanted an array'],
    [{ kind: "choices", prompt: "a", choices: ["b", 1n], answer: 0, origin }, "has the choice 1, wanted a text"],
    [{ kind: "choices", prompt: "a", choices: ["b", "c"], answer: 2, origin }, "has the answer 2, wanted the place of one of 2 choices"],
    [
      { kind: "choices", prompt: "a", choices: ["b", "c"], answer: "length", origin },
      'has the answer "length", wanted the place of one of 2 choices',
    ],
    [{ kind: "messages", messages: {}, origin }, "has the messages an object, wanted an array"],
    [{ kind: "messages", messages: ["hello"], origin }, 'has the message "hello", wanted an object'],
    [{ kind: "messages", messages: [{ role: 1, content: "" }], origin }, "has the message role 1, wanted a text"],
    [{ kind: "messages", messages: [{ role: "user" }], origin }, "has the message content undefined, wanted a text"],
    [{ kind: "ids", origin }, "has the ids undefined, wanted an array"],
    [{ kind: "ids", ids: [1, Number.NaN], origin }, "has the token NaN, wanted whole numbers from 0"],
    [{ kind: "ids", ids: [-1], origin }, "has the token -1, wanted whole numbers from 0"],
    [{ ...good, kind: "x".repeat(99) }, `is of kind "${"x".repeat(59)}…, wanted text, answer, choices, messages or ids`],
  ])("names a loader of what is no document: %o", async (document, fault) => {
    await expect(read(() => [good, document])).rejects.toMatchObject({
      code: "plugin",
      message: `loader odd gave a document that ${fault} (document 2 of a.odd)`,
    });
  });

  it("keeps an error that says its own", async () => {
    const own = new SecateurError("data", "a.odd, line 5: no", { where: { file: "a.odd", line: 5 } });
    await expect(read(() => Promise.reject(own))).rejects.toBe(own);
    const load = async function* (): AsyncGenerator<Document> {
      yield good;
      throw own;
    };
    await expect(read(load)).rejects.toBe(own);
  });
});
