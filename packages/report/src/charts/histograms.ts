import { areaY, axisX, axisY, lineY } from "@observablehq/plot";
import type { ScoreHistogram } from "@secateur/fusion";
import type { Html } from "../html.ts";
import type { Grid } from "../layers.ts";
import { chart, legend, type Series, strokeOf } from "./chart.ts";
import { facetOptions, facetsOf } from "./facets.ts";

/** The scores of each series, in a small chart for each kind of layer. */
export interface HistogramsInput {
  readonly id: string;
  readonly title: string;
  readonly description: string;
  readonly grid: Grid;
  readonly series: readonly Series[];
  histogramOf(kind: string, series: string): ScoreHistogram;
}

/** Of each chart so much of the lowest and of the highest scores is left out: single ones lie many bins apart from all others. */
export const TRIMMED = 0.001;

/** The shares of scores in bins of half an octave. */
export function histograms({ id, title, description, grid, series, histogramOf }: HistogramsInput): Html {
  const found = grid.kinds.flatMap((kind) => series.map((one) => ({ kind, one, histogram: histogramOf(kind, one.name) })));
  const ranges = found.map(({ histogram }) => rangeOf(histogram)).filter((range) => range !== undefined);
  const first = Math.min(...ranges.map(([start]) => start));
  const end = Math.max(...ranges.map(([, stop]) => stop));
  return chart({
    id,
    title,
    description,
    key: legend(series),
    draw(room) {
      const { at } = facetsOf(grid, room);
      const base = facetOptions(grid, room);
      const stepsOf = ({ kind, histogram }: (typeof found)[number]) => {
        const total = histogram.counts.reduce((sum, count) => sum + count, histogram.rest);
        return Array.from({ length: end - first + 1 }, (_, i) => {
          const bin = first + i;
          // The last step closes the one before it.
          const count = bin === end ? 0 : (histogram.counts[bin - histogram.first] ?? 0);
          return { ...at(kind), score: 2 ** (bin / 2), share: total === 0 ? 0 : count / total };
        });
      };
      const place = { fx: "fx", fy: "fy", x: "score", y: "share", curve: "step-after" } as const;
      return {
        ...base,
        x: { type: "log", base: 2, domain: [2 ** (first / 2), 2 ** (end / 2)], label: null },
        y: { label: null, nice: true },
        marks: [
          ...base.marks,
          axisX({ ticks: powersOfTen(first, end, room.narrow ? 3 : 4), tickSize: 3, tickFormat: powerText, label: null }),
          axisY({ ticks: 3, tickSize: 3, tickFormat: (share: number) => `${Math.round(100 * share)} %`, label: null }),
          ...found.map((one) => areaY(stepsOf(one), { ...place, fill: one.one.color, fillOpacity: 0.1 })),
          ...found.map((one) => lineY(stepsOf(one), { ...place, ...strokeOf(one.one) })),
        ],
      };
    },
  });
}

/** The bins from the first to past the last that count, without what is trimmed at either end. */
function rangeOf({ first, counts }: ScoreHistogram): readonly [start: number, stop: number] | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  const past = (ordered: readonly number[]): number => {
    let seen = 0;
    return ordered.findIndex((count) => {
      seen += count;
      return seen > TRIMMED * total;
    });
  };
  return [first + past(counts), first + counts.length - past(counts.toReversed())];
}

/** Some powers of ten between two bins. */
function powersOfTen(first: number, end: number, most: number): number[] {
  const low = Math.ceil((first / 2) * Math.log10(2));
  const high = Math.floor((end / 2) * Math.log10(2));
  const step = Math.max(1, Math.ceil((high - low + 1) / most));
  const powers: number[] = [];
  for (let power = high; power >= low; power -= step) powers.unshift(10 ** power);
  return powers;
}

function powerText(value: number): string {
  const power = Math.round(Math.log10(value));
  const digits = [...String(Math.abs(power))].map((digit) => "⁰¹²³⁴⁵⁶⁷⁸⁹"[Number(digit)]).join("");
  return power === 0 ? "1" : `10${power < 0 ? "⁻" : ""}${digits}`;
}
