import { axisX, axisY, dot, line, link, ruleX, ruleY, text } from "@observablehq/plot";
import { efficientFrontier, pooledLoss, type TradeOff } from "@secateur/evaluate";
import { GENERAL } from "@secateur/kit";
import type { ComparedRow } from "@secateur/pipeline";
import { type Html, html, visible } from "../html.ts";
import { plusMinus } from "../units.ts";
import { chart } from "./chart.ts";
import { placeNames } from "./labels.ts";

/** Models of a comparison in the plane of two losses. */
export interface TradeOffInput {
  readonly id: string;
  /** What stands beside general text. */
  readonly task: string;
  readonly rows: readonly ComparedRow[];
}

/** A model's losses, with their standard errors. */
interface Point extends TradeOff {
  readonly name: string;
  readonly rule: boolean;
  /** Whether it is another task's alone. */
  readonly other: boolean;
  readonly x: number;
  readonly y: number;
  readonly dx: number;
  readonly dy: number;
}

/** Pruned models by their loss on general text and on a task; the frontier is that of general text, the tasks and the mixtures. */
export function tradeOff({ id, task, rows }: TradeOffInput): Html {
  const { points, far } = pointsOf(rows, task);
  if (points.length === 0) return html``;
  const frontier = frontierOf(points);
  const xs = rangeOf(points.flatMap(({ x, dx }) => [x - dx, x + dx]));
  const ys = rangeOf(points.flatMap(({ y, dy }) => [y - dy, y + dy]));
  const key = html`<ul class="legend">
<li><span style="color:var(--series-0)">●</span>general text, tasks and mixtures; the line is their frontier</li>
<li><span style="color:var(--series-1)">◆</span>rules</li>
<li>bars: ± one standard error</li></ul>
`;
  return chart({
    id,
    title: `General text and ${task}`,
    description: `Mean loss (−log p) of each pruned model: the lower and the further left, the better. A rule earns its place below the line. Not drawn, but in the table: ${["dense", ...far].join(", ")}.`,
    key,
    draw({ narrow, width, letters }) {
      const [left, right, top, bottom] = [48, 10, 22, 44];
      const height = narrow ? 360 : 440;
      const frame = { left, right: width - right, top, bottom: height - bottom };
      const scale = scaleOf(xs, ys, frame);
      const named = points.map(({ x, y, dx, dy, name }) => ({
        ...scale.toPixels(x, y),
        width: name.length * letters * 0.58, // about, in most fonts
        bars: { x: dx * scale.xUnit, y: dy * scale.yUnit },
      }));
      const labels = placeNames(named, { ...frame, height: letters + 3 }).map((place, i) => {
        const { x, y, width: long } = named[i] as (typeof named)[number];
        // A line leads from a name that stands apart to its point.
        const nearest = Math.min(Math.max(x, place.x), place.x + long);
        const apart = Math.hypot(nearest - x, place.y - y) > 16;
        return { ...scale.toLosses(place.x, place.y), point: points[i] as Point, apart, edge: scale.toLosses(nearest, place.y).x };
      });
      const color = ({ rule }: Point): string => (rule ? "var(--series-1)" : "var(--series-0)");
      return {
        height,
        marginLeft: left,
        marginRight: right,
        marginTop: top,
        marginBottom: bottom,
        x: { domain: xs, label: null },
        y: { domain: ys, label: null },
        marks: [
          axisX({ ticks: narrow ? 4 : 8, tickSize: 3, label: "loss on general text →", labelAnchor: "center" }),
          axisY({ ticks: narrow ? 5 : 8, tickSize: 3, label: visible(`↑ loss on ${task}`) }),
          line(frontier, { x: "x", y: "y", stroke: "var(--series-0)", strokeWidth: 1.5 }),
          link(
            labels.filter(({ apart }) => apart),
            {
              x1: ({ point }: (typeof labels)[number]) => point.x,
              y1: ({ point }: (typeof labels)[number]) => point.y,
              x2: "edge",
              y2: "y",
              stroke: "var(--soft)",
              strokeOpacity: 0.7,
              strokeWidth: 0.75,
            },
          ),
          ruleY(points, { y: "y", x1: ({ x, dx }: Point) => x - dx, x2: ({ x, dx }: Point) => x + dx, stroke: color, strokeOpacity: 0.7 }),
          ruleX(points, { x: "x", y1: ({ y, dy }: Point) => y - dy, y2: ({ y, dy }: Point) => y + dy, stroke: color, strokeOpacity: 0.7 }),
          ...[false, true].map((rule) =>
            dot(
              points.filter((point) => point.rule === rule),
              {
                x: "x",
                y: "y",
                r: 4.5,
                symbol: rule ? "diamond" : "circle",
                fill: color,
                stroke: "var(--paper)",
                title: ({ name, x, y, dx, dy }: Point) => visible(`${name}: general ${plusMinus(x, dx)}, ${task} ${plusMinus(y, dy)}`),
              },
            ),
          ),
          text(labels, {
            x: "x",
            y: "y",
            text: ({ point }: (typeof labels)[number]) => point.name,
            textAnchor: "start",
            fill: "var(--ink)",
            stroke: "var(--paper)",
            strokeWidth: 3,
          }),
        ],
      };
    },
  });
}

/** The models that are drawn, and the names of those that are left out: the dense one, and what another task alone chose where that is far from the frontier. */
function pointsOf(rows: readonly ComparedRow[], task: string): { readonly points: readonly Point[]; readonly far: readonly string[] } {
  const all = rows.flatMap((row): Point[] => {
    const [general, own] = [row.metrics[GENERAL]?.losses, row.metrics[task]?.losses];
    if (row.kind === "dense" || !general?.length || !own?.length) return [];
    const [x, y] = [pooledLoss(general), pooledLoss(own)];
    if (![x.value, y.value, x.standardError, y.standardError].every(Number.isFinite)) return [];
    const other = row.kind === "role" && ![GENERAL, task].some((role) => Object.hasOwn(row.weights ?? {}, role));
    return [
      {
        name: visible(row.name),
        rule: row.kind === "rule",
        other,
        general,
        task: own,
        x: x.value,
        y: y.value,
        dx: x.standardError,
        dy: y.standardError,
      },
    ];
  });
  const frontier = new Set(frontierOf(all));
  const isFar = (point: Point): boolean => point.other && !frontier.has(point);
  return { points: all.filter((point) => !isFar(point)), far: all.filter(isFar).map(({ name }) => name) };
}

/** The points of those that rules are held against which no other of them beats. */
function frontierOf(points: readonly Point[]): readonly Point[] {
  return efficientFrontier(points.filter(({ rule }) => !rule)).map(({ of }) => of);
}

/** From the least to the greatest value, with a little room. */
function rangeOf(values: readonly number[]): readonly [number, number] {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const room = (high - low) * 0.04 || Math.abs(high) * 0.04 || 1;
  return [low - room, high + room];
}

/** Turns losses into pixels and back. */
function scaleOf(
  [x1, x2]: readonly [number, number],
  [y1, y2]: readonly [number, number],
  { left, right, top, bottom }: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number },
) {
  const [xUnit, yUnit] = [(right - left) / (x2 - x1), (bottom - top) / (y2 - y1)];
  return {
    xUnit,
    yUnit,
    toPixels: (x: number, y: number) => ({ x: left + (x - x1) * xUnit, y: bottom - (y - y1) * yUnit }),
    toLosses: (x: number, y: number) => ({ x: x1 + (x - left) / xUnit, y: y1 + (bottom - y) / yUnit }),
  };
}
