/** How a column is set. */
export type Align = "left" | "right";

/** Rows as text, columns two spaces apart and aligned (left where nothing is said), every line behind `indent`. */
export function table(rows: readonly (readonly string[])[], align: readonly Align[] = [], indent = ""): string {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, c) => Math.max(...rows.map((row) => row[c]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, c) => (align[c] === "right" ? cell.padStart(widths[c] ?? 0) : cell.padEnd(widths[c] ?? 0)))
      .join("  ")
      .trimEnd();
  return rows.map((row) => `${indent}${line(row)}\n`).join("");
}
