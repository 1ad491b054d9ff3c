import { type PlotOptions, plot } from "@observablehq/plot";
import { DOMImplementation, XMLSerializer } from "@xmldom/xmldom";
import { type Html, html, trusted, visible } from "../html.ts";
import { SERIES_COLORS } from "../style.ts";

/** A chart with what it says in words. */
export interface ChartInput {
  /** Unique in its page. */
  readonly id: string;
  readonly title: string;
  /** What it shows and how to read it; the numbers themselves stand in a table beside it. */
  readonly description: string;
  /** What the eye needs to read it, such as a legend. */
  readonly key?: Html | undefined;
  draw(room: Room): PlotOptions;
}

/** What a chart is drawn for: a page as wide as a desk's, or a phone's. */
export interface Room {
  readonly narrow: boolean;
  /** In pixels, as are all sizes of a chart. */
  readonly width: number;
  readonly letters: number;
}

const ROOMS: readonly Room[] = [
  { narrow: false, width: 920, letters: 12 },
  { narrow: true, width: 350, letters: 11 },
];

/** A chart as a figure, drawn for both kinds of pages; the page's style shows the one that fits. */
export function chart({ id, title, description, key, draw }: ChartInput): Html {
  const drawn = ROOMS.map((room) => {
    const kind = room.narrow ? "narrow" : "wide";
    return html`<div class="${kind}">${svg(`${id}-${kind}`, title, description, room, draw(room))}</div>
`;
  });
  return html`<figure>
<figcaption><strong>${title}.</strong> ${description}</figcaption>
${key}${drawn}</figure>
`;
}

/** Draws without a browser: what the library asks of a document is little, and this one writes markup that is safe. */
function svg(id: string, title: string, description: string, { width, letters }: Room, options: PlotOptions): Html {
  const document = new DOMImplementation().createDocument("http://www.w3.org/1999/xhtml", "html", null);
  const drawn = plot({ ...options, width, className: "plot", document: document as never }) as unknown as ReturnType<
    typeof document.createElementNS
  >; // what the document makes
  drawn.setAttribute("font-size", String(letters));
  drawn.setAttribute("role", "img");
  drawn.setAttribute("aria-labelledby", `${id}-title ${id}-text`);
  for (const [name, text] of [
    ["desc", description],
    ["title", title],
  ] as const) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    element.setAttribute("id", `${id}-${name === "desc" ? "text" : "title"}`);
    element.appendChild(document.createTextNode(visible(text)));
    drawn.insertBefore(element, drawn.firstChild);
  }
  for (const element of Array.from(drawn.getElementsByTagName("*"))) {
    for (const { name, value } of Array.from(element.attributes))
      if (PLACES.has(name)) element.setAttribute(name, value.replace(/(\.\d{2})\d+/g, "$1"));
  }
  return trusted(new XMLSerializer().serializeToString(drawn));
}

/** What says where and how large something is: past a hundredth of a pixel nobody sees more. */
const PLACES: ReadonlySet<string> = new Set(["d", "transform", "x", "y", "x1", "x2", "y1", "y2", "cx", "cy", "width", "height"]);

/** A name as short as a chart has room for: its middle goes. */
export function shortened(name: string, letters: number): string {
  if (name.length <= letters) return name;
  const end = Math.floor((letters - 1) / 2);
  return `${name.slice(0, letters - 1 - end)}…${name.slice(-end)}`;
}

/** What one of several lines or kinds of points is called, and how it looks: by its place among the others, the same in every chart. */
export interface Series {
  readonly name: string;
  readonly color: string;
  /** 0 for a whole line, 1 for dashes, 2 for dots: what tells series apart without their colours. */
  readonly dash: number;
}

/** The looks of series with these names; one that stands for none of the roles comes as `plain`. */
export function seriesOf(names: readonly string[], plain?: string): readonly Series[] {
  const others = names.filter((name) => name !== plain);
  return names.map((name) => {
    const place = others.indexOf(name);
    if (place < 0) return { name, color: "var(--soft)", dash: 2 };
    return { name, color: `var(--series-${place % SERIES_COLORS})`, dash: (place + Math.floor(place / SERIES_COLORS)) % 2 };
  });
}

/** How a series' lines are drawn. */
export function strokeOf({ color, dash }: Series): {
  readonly stroke: string;
  readonly strokeDasharray: string;
  readonly strokeWidth: number;
} {
  return { stroke: color, strokeDasharray: ["none", "6,3", "1.5,3"][dash] as string, strokeWidth: 1.75 };
}

/** What each series looks like. */
export function legend(series: readonly Series[]): Html {
  const entries = series.map(
    ({ name, color, dash }) => html`<li><span class="swatch dash-${dash}" style="color:${color}"></span><bdi>${name}</bdi></li>`,
  );
  return html`<ul class="legend">${entries}</ul>
`;
}
