import type { BackendDescription } from "@secateur/kit";
import type { Recipe } from "@secateur/pipeline";
import { computedText } from "./computed.ts";
import { type Html, html } from "./html.ts";
import { name, type Section, section } from "./page.ts";
import { details } from "./table.ts";
import { percent } from "./units.ts";

/** What a model is called: the last part of its path. */
export function modelName(source: string): string {
  return source.split(/[/\\]/).findLast((part) => part !== "" && part !== "." && part !== "..") ?? source;
}

/** How much was pruned, in words: `50.0 % of each row`. */
export function amountText({ sparsity, pattern }: Pick<Recipe, "sparsity" | "pattern">): string {
  if (pattern) return `${pattern.of - pattern.keep} of every ${pattern.of} weights in a row, ${pattern.keep} stay`;
  return sparsity === undefined ? "" : percent(sparsity);
}

/** What chose the weights, in words: `wanda (p = 2)`. */
export function withOptions(plugin: string, options: Readonly<Record<string, unknown>>): Html {
  const said = Object.entries(options).map(([key, value]) => `${key} = ${typeof value === "string" ? value : JSON.stringify(value)}`);
  return html`${name(plugin)}${said.length > 0 ? html` <span class="note">(<bdi>${said.join(", ")}</bdi>)</span>` : undefined}`;
}

/** Warnings, where there are any. */
export function warningsOf(warnings: readonly string[]): Html {
  if (warnings.length === 0) return html``;
  return html`<aside class="warnings" aria-labelledby="warnings"><h2 id="warnings">Warnings</h2>
<ul>${warnings.map((warning) => html`<li>${name(warning)}</li>`)}</ul></aside>
`;
}

/** A section with the command that gives the same again, and all that decides it. */
export function recipeSection(line: string | undefined, out: string, whole: unknown): Section {
  const command =
    line === undefined
      ? html`<p>No single command says this recipe: it was made by a program.</p>`
      : html`<pre><code>${line} ${out}</code></pre>`;
  return section("recipe", "Recipe", [
    html`<p>What gives the same result again, with the same data, versions and machine. Paths are as they were typed.</p>
${command}
${details("The whole recipe as JSON", html`<pre><code>${JSON.stringify(whole, null, 2)}</code></pre>`)}`,
  ]);
}

/** The end of a page: what made it. */
export function footer(version: string, backend: BackendDescription): Html {
  return html`<footer><p>Made by Secateur ${version}; computed by ${computedText(backend)}. This page is one file: it runs no script and fetches nothing, and
holds the data of its numbers as JSON.</p></footer>
`;
}
