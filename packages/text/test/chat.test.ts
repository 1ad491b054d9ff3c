import { renderChat } from "@secateur/text";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { demoTokenizer, origin, TURNS } from "./fixtures.ts";

const tokenizer = demoTokenizer({ chatTemplate: TURNS });
const answers = ({ text, spans }: ReturnType<typeof renderChat>) => spans.map(({ start, end }) => text.slice(start, end));

describe("renderChat", () => {
  test("finds each of the assistant's turns with what ends it", () => {
    const messages = ["system", "user", "assistant", "user", "assistant"].map((role, i) => ({ role, content: `m${i}` }));
    const chat = renderChat(tokenizer, messages, origin);
    expect(chat.text).toBe("[system]\nm0<|end|>\n[user]\nm1<|end|>\n[assistant]\nm2<|end|>\n[user]\nm3<|end|>\n[assistant]\nm4<|end|>\n");
    expect(answers(chat)).toEqual(["m2<|end|>\n", "m4<|end|>\n"]);
    expect(renderChat(tokenizer, messages, origin, { findAnswers: false })).toEqual({ text: chat.text, spans: [] });
  });

  test("there are as many turns as the assistant has, whatever is quoted", () => {
    const content = fc.string({ unit: fc.constantFrom("a", "<|end|>\n", "[assistant]\n", "[user]\n", " ") });
    const message = fc.record({ role: fc.constantFrom("user", "assistant"), content });
    fc.assert(
      fc.property(fc.array(message, { maxLength: 5 }), (messages) => {
        const given = messages.filter(({ role }) => role === "assistant").map((turn) => `${turn.content}<|end|>\n`);
        expect(answers(renderChat(tokenizer, messages, origin))).toEqual(given);
      }),
      { numRuns: 50 },
    );
  });

  test("a template that writes a turn differently once it is not the last is refused, unless the turns are not wanted", () => {
    const last = demoTokenizer({ chatTemplate: "{% for m in messages %}{{ m.content }}{% if loop.last %}!{% endif %}{% endfor %}" });
    const messages = ["user", "assistant", "user"].map((role, i) => ({ role, content: `m${i}` }));
    expect(() => renderChat(last, messages, origin)).toThrow(
      expect.objectContaining({
        code: "unsupported",
        message:
          "rows.jsonl, line 3: the chat template of demo writes message 2 differently in the whole conversation than at its end, so the answer's tokens cannot be told from the prompt's; give both the same weight",
      }),
    );
    expect(renderChat(last, messages, origin, { findAnswers: false }).text).toBe("m0m1m2!");
  });
});
