import { describe, expect, it } from "vitest";
import { withBaseModel } from "../src/card.ts";

const add = (card: string, name = "org/base"): string => Buffer.from(withBaseModel(Buffer.from(card), name)).toString();

describe("withBaseModel", () => {
  const cases: [name: string, card: string, wanted: string][] = [
    ["adds to front matter", "---\nlicense: mit\n---\n# M\n", "---\nlicense: mit\nbase_model: org/base\n---\n# M\n"],
    ["adds to empty front matter", "---\n---\n", "---\nbase_model: org/base\n---\n"],
    ["adds to front matter at the end of the file", "---\na: 1\n---", "---\na: 1\nbase_model: org/base\n---"],
    ["makes front matter", "# Model\n", "---\nbase_model: org/base\n---\n\n# Model\n"],
    ["makes front matter of an empty card", "", "---\nbase_model: org/base\n---\n\n"],
    ["makes front matter before a line that is only drawn", "---\ntext", "---\nbase_model: org/base\n---\n\n---\ntext"],
    ["leaves a base_model", "---\nbase_model: other\n---\n# M\n", "---\nbase_model: other\n---\n# M\n"],
    ["leaves a list of them", "---\nbase_model:\n- a\n- b\n---\n", "---\nbase_model:\n- a\n- b\n---\n"],
    [
      "is not misled by other keys and the text",
      "---\nx_base_model: a\n---\nbase_model: b\n",
      "---\nx_base_model: a\nbase_model: org/base\n---\nbase_model: b\n",
    ],
    ["ends front matter at the first end", "---\na: 1\n---\ntext\n---\nmore", "---\na: 1\nbase_model: org/base\n---\ntext\n---\nmore"],
    ["keeps Windows line ends", "---\r\na: 1\r\n---\r\n# M\r\n", "---\r\na: 1\r\nbase_model: org/base\r\n---\r\n# M\r\n"],
    ["keeps a byte-order mark", "\ufeff---\na: 1\n---\n", "\ufeff---\na: 1\nbase_model: org/base\n---\n"],
    ["keeps text that is not ASCII", "---\na: ü\n---\n日本 😊\n", "---\na: ü\nbase_model: org/base\n---\n日本 😊\n"],
  ];
  for (const [name, card, wanted] of cases) it(name, () => expect(add(card)).toBe(wanted));

  it("quotes names that YAML would read otherwise", () => {
    expect(add("", "50% off #1")).toBe('---\nbase_model: "50% off #1"\n---\n\n');
    expect(add("", "007")).toBe('---\nbase_model: "007"\n---\n\n');
    expect(add("", "Null")).toBe('---\nbase_model: "Null"\n---\n\n');
    expect(add("", "ä")).toBe('---\nbase_model: "ä"\n---\n\n');
  });

  it("keeps bytes that are not UTF-8", () => {
    const card = Buffer.from([0x2d, 0x2d, 0x2d, 0x0a, 0xff, 0x0a, 0x2d, 0x2d, 0x2d, 0x0a, 0xfe]);
    const out = Buffer.from(withBaseModel(card, "b"));
    expect(out.toString("latin1")).toBe("---\n\xff\nbase_model: b\n---\n\xfe");
  });
});
