import { type DefaultTreeAdapterTypes, parse } from "parse5";

type Node = DefaultTreeAdapterTypes.ChildNode;
type Element = DefaultTreeAdapterTypes.Element;

/** A page as a browser reads it. */
export interface ParsedPage {
  /** Every element, in the order of the page. */
  readonly elements: readonly Element[];
  /** The JSON that it holds. */
  readonly data: unknown;
  /** The tables by their labels: rows of cells, the head first. */
  readonly tables: ReadonlyMap<string, readonly (readonly string[])[]>;
  /** What of the page is read, without charts. */
  readonly text: string;
}

/** Reads a page. */
export function parsePage(page: string): ParsedPage {
  const elements = elementsOf(parse(page));
  const script = elements.find(({ tagName }) => tagName === "script");
  const tables = elements
    .filter((element) => attribute(element, "class") === "scroll")
    .map((region) => {
      const rows = elementsOf(region).filter(({ tagName }) => tagName === "tr");
      const cells = (row: Element) => elementsOf(row).filter(({ tagName }) => tagName === "th" || tagName === "td");
      return [attribute(region, "aria-label") ?? "", rows.map((row) => cells(row).map((cell) => textOf(cell)))] as const;
    });
  const main = elements.find(({ tagName }) => tagName === "main") as Element;
  return { elements, data: JSON.parse(script ? textOf(script) : "null"), tables: new Map(tables), text: textOf(main, ["svg"]) };
}

/** An attribute's value. */
export function attribute(element: Element, name: string): string | undefined {
  return element.attrs.find((one) => one.name === name)?.value;
}

/** The texts of the titles of a chart's marks, of both sizes that it is drawn in: the chart's own title first. */
export function markTitles(page: ParsedPage, chart: string): { readonly wide: readonly string[]; readonly narrow: readonly string[] } {
  const titlesOf = (room: string): string[] => {
    const svg = page.elements.find((element) => attribute(element, "aria-labelledby") === `${chart}-${room}-title ${chart}-${room}-text`);
    return svg ? elementsOf(svg).flatMap((element) => (element.tagName === "title" ? [textOf(element)] : [])) : [];
  };
  return { wide: titlesOf("wide"), narrow: titlesOf("narrow") };
}

function elementsOf(node: DefaultTreeAdapterTypes.ParentNode): Element[] {
  return node.childNodes.flatMap((child) => ("tagName" in child ? [child, ...elementsOf(child)] : []));
}

/** All that stands in an element, without what is in elements of some names. */
function textOf(node: Node, without: readonly string[] = []): string {
  if ("value" in node) return node.value;
  if (!("childNodes" in node) || without.includes(node.nodeName)) return "";
  return node.childNodes.map((child) => textOf(child, without)).join("");
}
