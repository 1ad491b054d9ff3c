import type { Comparison, Manifest } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import { compareReport, pruneReport } from "../src/index.ts";
import { comparisonOf, manifestOf } from "./manifests.ts";
import { attribute, parsePage } from "./parse-page.ts";

/** Texts that would become something else in a page that does not escape them. */
const HOSTILE = [
  "<script>alert(1)</script>",
  "</script><script>alert(1)</script>",
  "<!--<script>",
  "--><img src=x onerror=alert(1)>",
  "</title></style></svg><img src=x onerror=alert(1)>",
  `" onmouseover="alert(1)" x="`,
  "' onfocus='alert(1)",
  "&lt;b&gt;&amp;",
  "]]><b>",
  "javascript:alert(1)",
  "a\u202ebcd\u2066e\u0000f\u0007\ud800g",
  "__proto__",
  "constructor",
  "url(https://example.org/x)",
  "{{alert(1)}}",
];

/** The text as a page shows it. */
function shownAs(text: string): string {
  return text.replace(/[\p{Cc}\u202e\u2066\p{Cs}]/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

function hostileManifest(text: string): Manifest {
  const manifest = manifestOf({
    roles: ["general", text],
    nameOf: (block, kind) => `model.${block}.${text}${kind}.weight`,
    source: `models/${text.replaceAll("/", "_")}`,
    warnings: [text],
    notes: { [text]: 1 },
    recipe: { scorerOptions: { mode: text }, include: [text] },
  });
  return {
    ...manifest,
    secateur: text,
    recipe: {
      ...manifest.recipe,
      scorer: text,
      fusion: text,
      solver: text,
      allocate: text,
      general: [{ source: text, template: text, fields: { text } }],
    },
    model: { ...manifest.model, hash: text },
    data: manifest.data.map((one) => ({ ...one, sources: [text], hash: text })),
    backend: { engine: text, version: text, provider: text, device: text, precision: text },
  };
}

function hostileComparison(text: string): Comparison {
  const comparison = comparisonOf({ tasks: [text], rules: [text], source: text, warnings: [text], protocol: text });
  return {
    ...comparison,
    secateur: text,
    input: { ...comparison.input, recipe: { ...comparison.input.recipe, scorer: text, solver: text, allocate: text } },
    model: { source: text, modelType: text, hash: text },
    plan: {
      ...comparison.plan,
      modelType: text,
      roles: comparison.plan.roles.map((one) => ({ ...one, sources: [text], hash: text })),
      evaluation: comparison.plan.evaluation.map((one) => ({ ...one, sources: [text], hash: text })),
    },
    backend: { engine: text, version: text, provider: text, device: text, precision: text },
  };
}

describe.each(HOSTILE)("%j", (text) => {
  it.each([
    ["a prune", pruneReport(hostileManifest(text)), pruneReport(hostileManifest("plain")), hostileManifest(text)],
    ["a comparison", compareReport(hostileComparison(text)), compareReport(hostileComparison("plain")), undefined],
  ])("is text, and nothing else, in the page of %s", (_, page, plain, json) => {
    const [found, wanted] = [parsePage(page), parsePage(plain)];
    // The very elements of a page with plain texts, with the same attributes.
    const shape = ({ elements }: typeof found): string[] =>
      elements.map(({ tagName, attrs }) => `${tagName} ${attrs.map(({ name }) => name)}`);
    const withoutNames = (list: readonly string[]): string[] =>
      list.filter((one) => !/^(li|span|bdi|tr|td|th|g|path|text|circle|rect|title|tspan)\b/.test(one));
    expect(withoutNames(shape(found))).toEqual(withoutNames(shape(wanted)));
    const attributes = found.elements.flatMap(({ attrs }) => attrs);
    expect(attributes.filter(({ name }) => name.startsWith("on"))).toEqual([]);
    expect(new Set(found.elements.map(({ tagName }) => tagName))).toEqual(new Set(wanted.elements.map(({ tagName }) => tagName)));
    expect(found.elements.filter((element) => attribute(element, "href")?.startsWith("#") === false)).toEqual([]);
    expect(found.text).toContain(shownAs(text));
    expect(page).not.toMatch(/(?!\n)[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
    if (json) expect(found.data).toEqual(JSON.parse(JSON.stringify(json)));
  });
});
