import { frame, type Markish, type PlotOptions, text } from "@observablehq/plot";
import { visible } from "../html.ts";
import type { Grid } from "../layers.ts";
import { type Room, shortened } from "./chart.ts";

/** Where the small chart of a kind stands among the others. */
export interface Facet {
  readonly fx: number;
  readonly fy: number;
}

/** Lays out a small chart for each kind of layer. */
export function facetsOf(
  grid: Grid,
  { narrow }: Room,
): { readonly at: (kind: string) => Facet; readonly columns: number; readonly rows: number } {
  const columns = Math.min(grid.kinds.length, narrow ? 2 : 4);
  const places = new Map(grid.kinds.map((kind, i) => [kind, { fx: i % columns, fy: Math.floor(i / columns) }]));
  return { at: (kind) => places.get(kind) as Facet, columns, rows: Math.ceil(grid.kinds.length / columns) };
}

/** What small charts have in common: their places, frames and names. */
export function facetOptions(grid: Grid, room: Room): PlotOptions & { readonly marks: Markish[] } {
  const { at, rows } = facetsOf(grid, room);
  const names = grid.kinds.map((kind) => ({ ...at(kind), name: shortened(visible(grid.labelOf(kind)), room.narrow ? 20 : 28) }));
  return {
    height: 46 + rows * (room.narrow ? 118 : 138),
    marginLeft: room.narrow ? 42 : 46,
    marginRight: 8,
    marginTop: 20,
    marginBottom: 34,
    fx: { axis: null, padding: 0.08 },
    fy: { axis: null, padding: 0.24 },
    marks: [
      frame({ stroke: "var(--line)" }),
      text(names, { fx: "fx", fy: "fy", text: "name", frameAnchor: "top-left", dy: -15, dx: -2, fill: "var(--ink)", fontWeight: 600 }),
    ],
  };
}
