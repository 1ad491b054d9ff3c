import { type Html, html, type Part } from "./html.ts";

/** A table: a first column of names, numbers behind it. */
export interface TableInput {
  /** What it is, for who does not see what stands around it. */
  readonly label: string;
  readonly head: readonly Part[];
  readonly rows: readonly (readonly Part[])[];
  /** Columns behind the first that hold text, by their place; the others hold numbers. */
  readonly texts?: readonly number[];
}

/** A table that scrolls by itself where the page is narrow. */
export function table({ label, head, rows, texts = [] }: TableInput): Html {
  const kind = (column: number): Html => (column === 0 || texts.includes(column) ? html`` : html` class="number"`);
  const headCells = head.map((cell, column) => html`<th scope="col"${kind(column)}>${cell}</th>`);
  const body = rows.map(([first, ...cells]) => {
    const others = cells.map((cell, i) => html`<td${kind(i + 1)}>${cell}</td>`);
    return html`<tr><th scope="row">${first}</th>${others}</tr>
`;
  });
  return html`<div class="scroll" role="region" aria-label="${label}" tabindex="0"><table>
<thead><tr>${headCells}</tr></thead>
<tbody>
${body}</tbody>
</table></div>
`;
}

/** Names and what they stand for. */
export function facts(entries: readonly (readonly [name: string, value: Part])[]): Html {
  return html`<dl>
${entries.map(
  ([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>
`,
)}</dl>
`;
}

/** Something that is opened when it is asked for. */
export function details(summary: string, content: Part): Html {
  return html`<details><summary>${summary}</summary>
${content}</details>
`;
}
