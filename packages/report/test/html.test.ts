import { describe, expect, it } from "vitest";
import { html, scriptJson, trusted, visible } from "../src/html.ts";

describe("html", () => {
  it("escapes what is put in, but for markup", () => {
    expect(html`<p title="${`"'`}">${"<b>&"}${html`<i>${"<"}</i>`}${trusted("<hr>")}</p>`.markup).toBe(
      '<p title="&quot;&#39;">&lt;b&gt;&amp;<i>&lt;</i><hr></p>',
    );
  });

  it("puts lists after each other, and nothing for nothing", () => {
    expect(html`${[1, undefined, "a", [html`<br>`]]}`.markup).toBe("1a<br>");
  });
});

describe("visible", () => {
  it.each([
    ["a\u202eb", "a\\u202eb"],
    ["\u0000\u001b[31m\u007f\u0085", "\\u0000\\u001b[31m\\u007f\\u0085"],
    ["\ud800x", "\\ud800x"],
    ["\ufeff\u2028", "\\ufeff\\u2028"],
    ["line\n\ttab", "line\n\ttab"],
    ["שלום, 你好, 👩‍🚀", "שלום, 你好, 👩‍🚀"],
  ])("shows what is hidden in %j", (text, shown) => {
    expect(visible(text)).toBe(shown);
  });
});

describe("scriptJson", () => {
  it("is the same JSON, and ends no script", () => {
    const value = { "</script>": "<!--<script>", "&": ["\u2028\u2029"] };
    const { markup } = scriptJson(value);
    expect(JSON.parse(markup)).toEqual(value);
    expect(markup).not.toMatch(/[<>&\u2028\u2029]/);
  });
});
