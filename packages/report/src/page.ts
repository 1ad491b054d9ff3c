import { type Html, html, scriptJson, trusted } from "./html.ts";
import { STYLE } from "./style.ts";

/** What a page shows. */
export interface PageInput {
  readonly title: string;
  /** What its numbers are of; it goes into the page as JSON. */
  readonly data: unknown;
  readonly body: Html;
}

// Nothing is fetched, sent or run: what is here is all there is.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'";

/** One HTML file that needs nothing else: no script, no network. */
export function page({ title, data, body }: PageInput): string {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${trusted(STYLE)}</style>
</head>
<body>
<main>
${body}</main>
<script type="application/json" id="json">${scriptJson(data)}</script>
</body>
</html>
`.markup;
}

/** A part of a page under a heading that can be linked to. */
export interface Section {
  readonly id: string;
  readonly heading: string;
  readonly content: readonly Html[];
}

/** A part of a page. */
export function section(id: string, heading: string, content: readonly Html[]): Section {
  return { id, heading, content };
}

/** Links to the sections of a page, and the sections; those that have nothing to show are left out. */
export function sections(given: readonly (Section | undefined)[]): Html {
  const all = given.filter((one) => one !== undefined);
  return html`<nav aria-label="parts of this page"><ul>${all.map(({ id, heading }) => html`<li><a href="#${id}">${heading}</a></li>`)}</ul></nav>
${all.map(shown)}`;
}

function shown({ id, heading, content }: Section): Html {
  return html`<section aria-labelledby="${id}">
<h2 id="${id}">${heading}</h2>
${content}</section>
`;
}

/** A name, path or other text of a user: its direction does not spread to what stands around it. */
export function name(text: string): Html {
  return html`<bdi>${text}</bdi>`;
}
