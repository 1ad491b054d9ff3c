import { chatTemplate } from "@secateur/text";
import { describe, expect, test } from "vitest";
import { demoFiles, origin, TURNS } from "./fixtures.ts";

const messages = [
  { role: "user", content: "hi" },
  { role: "assistant", content: "yes" },
];

function render(template: string, limits?: Parameters<typeof chatTemplate>[2], config = {}): string | undefined {
  const made = chatTemplate(demoFiles({ chatTemplate: template, config }), "demo", limits);
  return made.render([{ messages, addGenerationPrompt: false }], origin)[0];
}

describe("where the template is", () => {
  const find = (chatTemplateFile: string | undefined, setting: unknown) => {
    const files = demoFiles({
      config: { chat_template: setting as string },
      ...(chatTemplateFile === undefined ? {} : { chatTemplate: chatTemplateFile }),
    });
    return chatTemplate(files, "demo").render([{ messages, addGenerationPrompt: false }], origin)[0];
  };
  test.each([
    ["only the file", "file", undefined, "file"],
    ["file and settings differ", "file", "settings", "file"],
    ["only the settings", undefined, "settings", "settings"],
    [
      "named ones, of which one is the default",
      undefined,
      [
        { name: "tool_use", template: "tools" },
        { name: "default", template: "chat" },
      ],
      "chat",
    ],
  ])("%s", (_, file, setting, wanted) => {
    expect(find(file, setting)).toBe(wanted);
  });

  test.each([
    ["none", undefined, "demo has no chat template, so conversations cannot be used with it"],
    [
      "named ones without a default",
      [{ name: "tool_use", template: "a" }, { name: "rag", template: "b" }, null],
      'demo has no chat template named "default", only "tool_use", "rag", null, so conversations cannot be used with it',
    ],
  ])("%s", (_, setting, message) => {
    expect(() => find(undefined, setting)).toThrow(expect.objectContaining({ code: "unsupported", message }));
  });
});

describe("what a template is given", () => {
  test("messages, special tokens from the settings, no tools, and whether an answer is to come", () => {
    const template =
      "{{ bos_token }}{{ eos_token }}{{ pad_token }}{{ tools is none }}{% if add_generation_prompt %}P{% endif %}{{ messages | length }}";
    const made = chatTemplate(demoFiles({ chatTemplate: template, config: { bos_token: { content: "<s>" }, pad_token: null } }), "demo");
    const texts = made.render(
      [
        { messages, addGenerationPrompt: false },
        { messages: messages.slice(0, 1), addGenerationPrompt: true },
      ],
      origin,
    );
    expect(texts).toEqual(["<s><|end|>true2", "<s><|end|>trueP1"]);
  });

  test("blocks are trimmed and generation tags are taken out", () => {
    const template =
      "{% for m in messages %}\n  {% if m.role == 'user' %}\nU {{ m.content }}\n  {% else %}\nA {% generation %}{{ m.content }}{% endgeneration %}!\n{% endif %}\n{% endfor %}";
    expect(render(template)).toBe("U hi\nA yes!\n");
    expect(render("a {%- generation -%} {{ messages[1].content }} {%- endgeneration -%} b")).toBe("ayesb");
  });

  test("a clock that stands still", () => {
    expect(render("{{ strftime_now('%d %b %Y') }}")).toBe("26 Jul 2024");
  });

  test("ranges as Python's", () => {
    expect(
      render(
        "{% for i in range(3) %}{{ i }}{% endfor %} {% for i in range(5, 1, -2) %}{{ i }}{% endfor %} {% for i in range(2, 1) %}{{ i }}{% endfor %}",
      ),
    ).toBe("012 53 ");
  });
});

describe("refused", () => {
  test("what the template refuses, in its own words with the row", () => {
    expect(() => render("{{ raise_exception('roles must alternate') }}")).toThrow(
      expect.objectContaining({
        code: "data",
        message: "rows.jsonl, line 3: the chat template of demo refuses the messages: roles must alternate",
        where: { file: "rows.jsonl", line: 3 },
      }),
    );
  });

  test("a template that does not end, by its time limit", () => {
    const limits = { timeoutMs: 100, rangeItems: 1_000_000 };
    const loops = "{% for i in range(1000000) %}{% for j in range(1000000) %}{% endfor %}{% endfor %}";
    const message = "rows.jsonl, line 3: the chat template of demo failed: it takes longer than 0.1 s";
    expect(() => render(loops, limits)).toThrow(expect.objectContaining({ code: "unsupported", message }));
    // Reading a template takes time too: white space before a tag is searched in steps that grow as its square.
    expect(() => render(`${" \n".repeat(200_000)}{{ x }}`, limits)).toThrow(
      expect.objectContaining({ code: "format", message: "the chat template of demo cannot be read: it takes longer than 0.1 s" }),
    );
    // The limit is on each call: the next one works.
    expect(render(TURNS, limits)).toBe("[user]\nhi<|end|>\n[assistant]\nyes<|end|>\n");
  });

  test.each([
    [
      "{% for i in range(1000000000000) %}{% endfor %}",
      "unsupported",
      "rows.jsonl, line 3: the chat template of demo failed: range(1000000000000) has more than 1000000 items",
    ],
    [
      "{% for i in range(0, 1, 0) %}{% endfor %}",
      "unsupported",
      "rows.jsonl, line 3: the chat template of demo failed: range(0, 1, 0) has more than 1000000 items",
    ],
    [
      "{{ nothing() }}",
      "unsupported",
      "rows.jsonl, line 3: the chat template of demo failed: Cannot call something that is not a function: got UndefinedValue",
    ],
    ["{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "unsupported", "rows.jsonl, line 3: the chat template of demo failed: "],
    ["{% if", "format", "the chat template of demo cannot be read: Unexpected end of input"],
  ])("%s", (template, code, message) => {
    expect(() => render(template)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });
});
