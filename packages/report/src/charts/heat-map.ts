import { axisX, axisY, cell, text } from "@observablehq/plot";
import { type Html, html, visible } from "../html.ts";
import type { Grid } from "../layers.ts";
import { percent } from "../units.ts";
import { chart, shortened } from "./chart.ts";

/** A share for each block and kind of layer. */
export interface HeatMapInput {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly grid: Grid;
  /** From 0 to 1; nothing where the block has no such layer. */
  valueAt(block: number | undefined, kind: string): number | undefined;
}

const [LIGHTEST, DARKEST] = [0.06, 0.92]; // of the ramp that the page's style draws
const INVERTED = 0.75; // past it letters of the paper's colour are read better than those of the ink's
const MOST_LETTERED = 9; // columns beyond which no number fits into a cell of a phone's page

/** A map of shares: the darker, the more. */
export function heatMap({ id, title, description, grid, valueAt }: HeatMapInput): Html {
  const cells = grid.kinds.flatMap((kind) =>
    grid.blocks.flatMap((block) => {
      const value = valueAt(block, kind);
      return value === undefined ? [] : [{ block: blockName(block), kind: visible(grid.labelOf(kind)), value }];
    }),
  );
  const values = cells.map(({ value }) => value);
  const [low, high] = rangeOf(values);
  const shade = (value: number): number => LIGHTEST + ((DARKEST - LIGHTEST) * (value - low)) / (high - low);
  const blocks = grid.blocks.map(blockName);
  const kinds = grid.kinds.map((kind) => visible(grid.labelOf(kind)));
  const key = html`<p class="note">${percent(low)}<span class="ramp"></span>${percent(high)}</p>
`;
  return chart({
    id,
    title,
    description,
    key,
    draw({ narrow, width }) {
      const short = (kind: string): string => shortened(kind, narrow ? 18 : 30);
      const longest = Math.max(...kinds.map((kind) => short(kind).length));
      const lettered = narrow && kinds.length <= MOST_LETTERED;
      const step = Math.ceil(blocks.length / (narrow ? 60 : 32));
      const ticks = blocks.filter((_, i) => i % step === 0);
      const [x, y] = narrow ? (["kind", "block"] as const) : (["block", "kind"] as const);
      const margin = Math.min(8 * longest + 12, width / 3);
      return {
        height: narrow ? margin + 24 + blocks.length * (blocks.length > 40 ? 13 : 19) : 44 + kinds.length * 25,
        marginLeft: narrow ? 36 : margin,
        marginRight: narrow ? margin / 2 : 6,
        marginTop: narrow ? margin : 4,
        marginBottom: narrow ? 20 : 40,
        x: { type: "band", domain: narrow ? kinds : blocks, padding: 0.06, label: null },
        y: { type: "band", domain: narrow ? blocks : kinds, padding: 0.08, label: null },
        marks: [
          narrow
            ? axisX({ anchor: "top", tickSize: 0, tickRotate: -60, textAnchor: "start", tickFormat: short, label: null })
            : axisX({ ticks, tickSize: 0, label: "block" }),
          narrow ? axisY({ ticks, tickSize: 0, label: null }) : axisY({ tickSize: 0, tickFormat: short, label: null }),
          cell(cells, {
            x,
            y,
            fill: "var(--heat)",
            fillOpacity: { value: cells.map(({ value }) => shade(value)), scale: null }, // shares, not values of a scale
            title: ({ block, kind, value }: (typeof cells)[number]) => `block ${block}, ${kind}: ${percent(value)}`,
          }),
          ...(lettered
            ? [
                text(cells, {
                  x,
                  y,
                  text: ({ value }: (typeof cells)[number]) => (100 * value).toFixed(1),
                  fill: ({ value }: (typeof cells)[number]) => (shade(value) > INVERTED ? "var(--on-heat)" : "var(--ink)"),
                  fontSize: 10,
                  pointerEvents: "none",
                }),
              ]
            : []),
        ],
      };
    },
  });
}

/** How a block is called in charts and tables. */
export function blockName(block: number | undefined): string {
  return block === undefined ? "none" : String(block);
}

/** Where the ramp begins and ends: at whole twentieths, and at least two of them apart, so that equal values do not look different. */
function rangeOf(values: readonly number[]): readonly [low: number, high: number] {
  const low = Math.floor(Math.min(1, ...values) * 20 + 1e-9) / 20;
  const high = Math.ceil(Math.max(0, ...values) * 20 - 1e-9) / 20;
  if (high - low >= 0.1) return [low, high];
  return low >= 0.05 && high <= 0.95 ? [low - 0.05, high + 0.05] : low < 0.05 ? [0, 0.1] : [0.9, 1];
}
