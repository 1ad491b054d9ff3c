import type { Cell, Group, Results, Row } from "./results.ts";

/** Columns of characters. */
const WIDTH = 100;
const LEGEND = "tests on backends: ✓ passed, ✗ failed, · not run, a letter: skipped for the reason below";

/** Results as a table of at most 100 columns of characters, a column a backend, and below it every reason for which tests were skipped. */
export function renderResults({ backends, groups }: Results): string {
  const reasons: string[] = [];
  const letterOf = (reason: string): string => {
    if (!reasons.includes(reason)) reasons.push(reason);
    return String.fromCharCode("a".charCodeAt(0) + reasons.indexOf(reason));
  };
  const lines = groups.flatMap((group) => linesOf(group, backends, letterOf));
  const cellWidth = 1 + Math.max(...lines.flatMap(({ cells }) => cells.map(({ length }) => length)));
  const names = backends.map((name, i) => name.length - i * cellWidth); // they reach from the labels' side to their column
  const labelWidth = Math.min(WIDTH - backends.length * cellWidth, 1 + Math.max(...names, ...lines.map(({ label }) => label.length)));
  const table = lines.map(({ label, cells }) => {
    return (cut(label, labelWidth - 1).padEnd(labelWidth) + cells.map((text) => text.padEnd(cellWidth)).join("")).trimEnd();
  });
  const notes = reasons.flatMap((reason) => wrap(reason, WIDTH - 3).map((line, i) => `${i === 0 ? letterOf(reason) : " "}  ${line}`));
  return ["", LEGEND, "", ...headOf(backends, labelWidth, cellWidth), ...table, "", ...notes].join("\n").trimEnd().concat("\n");
}

interface Line {
  readonly label: string;
  /** One a backend; none for a heading. */
  readonly cells: readonly string[];
}

function linesOf({ what, rows, missing }: Group, backends: readonly string[], letterOf: (reason: string) => string): Line[] {
  const shown = rows.size > 0 ? [...rows] : [["all", { counted: true, cells: new Map() }] as const];
  const lines = shown.map(([label, row]) => {
    const cells = backends.map((backend) => {
      const reason = missing.get(backend);
      return reason === undefined ? textOf(row, row.cells.get(backend), letterOf) : letterOf(reason);
    });
    return { label: `  ${label}`, cells };
  });
  return [{ label: what, cells: [] }, ...lines];
}

function textOf({ counted }: Row, cell: Cell | undefined, letterOf: (reason: string) => string): string {
  if (cell === undefined) return "·";
  const { passed, failed, reasons } = cell;
  const all = passed + failed + reasons.length;
  const letters = [...new Set(reasons.map(letterOf))].join("");
  if (counted || all > 1) return `${passed}/${all}${failed > 0 ? "✗" : ""}${letters}`;
  if (failed > 0) return "✗";
  return passed > 0 ? "✓" : letters;
}

/** A line a backend, the last one first, with its name to the left of its column. */
function headOf(backends: readonly string[], labelWidth: number, cellWidth: number): string[] {
  return backends
    .map((name, i) => {
      const later = `${" ".repeat(cellWidth - 1)}│`.repeat(backends.length - 1 - i);
      return `${name.padStart(labelWidth + i * cellWidth - 1)} ┐${later}`;
    })
    .reverse();
}

function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, width - 1)}…`;
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width) lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
