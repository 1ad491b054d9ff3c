import { axisX, axisY, dot, lineY, ruleY } from "@observablehq/plot";
import { type Html, html, visible } from "../html.ts";
import type { Grid } from "../layers.ts";
import { percent } from "../units.ts";
import { chart, legend, type Series, strokeOf } from "./chart.ts";
import { facetOptions, facetsOf } from "./facets.ts";

/** Shares from block to block, in a small chart for each kind of layer. */
export interface LinesInput {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly grid: Grid;
  readonly series: readonly Series[];
  /** From 0 to 1; nothing where there is none. */
  valueAt(block: number, kind: string, series: string): number | undefined;
  /** How a value is written. */
  readonly write?: (value: number) => string;
  /** A value to hold the others against. */
  readonly reference?: number | undefined;
}

/** A line for each series over the blocks of a model. */
export function lines({ id, title, description, grid, series, valueAt, write = percent, reference }: LinesInput): Html {
  const blocks = grid.blocks.filter((block) => block !== undefined);
  return chart({
    id,
    title,
    description,
    key: series.length > 1 ? legend(series) : html``,
    draw(room) {
      const { at } = facetsOf(grid, room);
      const base = facetOptions(grid, room);
      const pointsOf = ({ name }: Series) =>
        grid.kinds.flatMap((kind) =>
          blocks.map((block) => ({ ...at(kind), block, value: valueAt(block, kind, name), name, kind: grid.labelOf(kind) })),
        );
      return {
        ...base,
        x: { domain: [blocks[0] ?? 0, blocks.at(-1) ?? 1], label: null, inset: 5 },
        y: { domain: [0, 1], label: null },
        marks: [
          ...base.marks,
          axisX({ ticks: ticksOf(blocks, room.narrow ? 3 : 4), tickSize: 3, tickFormat: String, label: null }),
          axisY({ ticks: [0, 0.5, 1], tickSize: 3, tickFormat: (value: number) => plainly(write(value)), label: null }),
          ...(reference === undefined ? [] : [ruleY([reference], { stroke: "var(--soft)", strokeDasharray: "1.5,3" })]),
          ...series.map((one) => lineY(pointsOf(one), { fx: "fx", fy: "fy", x: "block", y: "value", ...strokeOf(one) })),
          ...series.map((one) =>
            dot(
              pointsOf(one).filter(({ value }) => value !== undefined),
              {
                fx: "fx",
                fy: "fy",
                x: "block",
                y: "value",
                r: 2,
                fill: one.color,
                title: ({ block, kind, value }: ReturnType<typeof pointsOf>[number]) =>
                  visible(`block ${block}, ${kind}: ${series.length > 1 ? `${one.name} ` : ""}${write(value as number)}`),
              },
            ),
          ),
        ],
      };
    },
  });
}

/** A number without the zeros at its end that say nothing. */
function plainly(text: string): string {
  return text.replace(/(\.\d*?)0+(?=\D|$)/, "$1").replace(/\.(?=\D|$)/, "");
}

/** Some of the blocks' numbers, from the first on and equally far apart. */
function ticksOf(blocks: readonly number[], most: number): number[] {
  const step = Math.ceil(blocks.length / most);
  return blocks.filter((_, i) => i % step === 0);
}
