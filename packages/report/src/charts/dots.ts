import { axisX, axisY, dot, gridX, ruleY } from "@observablehq/plot";
import { type Html, html, visible } from "../html.ts";
import { percent } from "../units.ts";
import { chart, type Series, shortened } from "./chart.ts";

/** Shares of several series under one name each. */
export interface DotsInput {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly names: readonly string[];
  readonly series: readonly Series[];
  valueAt(name: string, series: string): number | undefined;
}

const GAP = 6; // between the series of a row, so that equal shares do not hide each other

// What tells series apart without their colours, and the letter that looks so.
const SYMBOLS = [
  ["circle", "●"],
  ["diamond", "◆"],
  ["square", "■"],
  ["triangle", "▲"],
  ["star", "★"],
  ["cross", "✚"],
] as const;

/** A row for each name, in it a point for each series. */
export function dots({ id, title, description, names, series, valueAt }: DotsInput): Html {
  const values = names.flatMap((name) => series.flatMap((one) => valueAt(name, one.name) ?? []));
  const step = Math.max(0, ...values) > 0.5 ? 0.25 : 0.1;
  const end = Math.max(step, Math.ceil(Math.max(0, ...values) / step - 1e-9) * step);
  const ticks = Array.from({ length: Math.round(end / step) + 1 }, (_, i) => i * step);
  return chart({
    id,
    title,
    description,
    key: html`<ul class="legend">${series.map(({ name, color }, i) => html`<li><span style="color:${color}">${symbolOf(i)[1]}</span><bdi>${name}</bdi></li>`)}</ul>
`,
    draw({ narrow, width }) {
      const short = (name: string): string => shortened(name, narrow ? 16 : 36);
      const longest = Math.max(...names.map((name) => short(visible(name)).length));
      return {
        height: 44 + names.length * (16 + GAP * series.length),
        marginLeft: Math.min(8 * longest + 14, width / 3),
        marginRight: 24,
        marginTop: 8,
        marginBottom: 34,
        x: { domain: [0, end], label: null },
        y: { type: "band", domain: names.map(visible), label: null, padding: 0.2 },
        marks: [
          axisX({
            ticks: narrow ? ticks.filter((_, i) => i % 2 === 0) : ticks,
            tickSize: 0,
            tickFormat: (value: number) => `${Math.round(100 * value)} %`,
            label: null,
          }),
          axisY({ tickSize: 0, tickFormat: short, label: null }),
          gridX({ ticks, stroke: "var(--line)", strokeOpacity: 1 }),
          ruleY(names.map(visible), { stroke: "var(--line)" }),
          ...series.map((one, i) => {
            const points = names.flatMap((name) => {
              const value = valueAt(name, one.name);
              return value === undefined ? [] : [{ name: visible(name), value }];
            });
            return dot(points, {
              x: "value",
              y: "name",
              r: 4.5,
              dy: GAP * (i - (series.length - 1) / 2),
              symbol: symbolOf(i)[0],
              fill: one.color,
              stroke: "var(--paper)",
              title: ({ name, value }: (typeof points)[number]) => `${name}: ${visible(one.name)} ${percent(value)}`,
            });
          }),
        ],
      };
    },
  });
}

function symbolOf(series: number): (typeof SYMBOLS)[number] {
  return SYMBOLS[series % SYMBOLS.length] as (typeof SYMBOLS)[number];
}
