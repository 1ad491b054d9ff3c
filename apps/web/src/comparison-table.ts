import type { Comparison } from "@secateur/pipeline";
import { distanceText, figuresOf, percent } from "@secateur/report/text";

/** A cell: what is read, what it is sorted by, and whether it is beyond the mixtures. */
interface Cell {
  readonly text: string;
  /** Undefined sorts last, whichever way. */
  readonly order: number | string | undefined;
  readonly beyond?: boolean;
}

/** A comparison as a table, the ways to prune down and figures across. */
export interface ComparisonTable {
  readonly head: readonly string[];
  readonly rows: readonly { readonly key: string; readonly kind: Row["kind"]; readonly cells: readonly Cell[] }[];
}

/** How a table is sorted: the column, and whether its largest come first. */
export interface Sorting {
  readonly column: number;
  readonly descending: boolean;
}

type Row = Comparison["rows"][number];

/** The table of a comparison: each figure with its standard error, and how far rules lie from the mixtures' frontier. */
export function tableOf({ plan, rows }: Pick<Comparison, "plan" | "rows">): ComparisonTable {
  const columns = plan.evaluation.flatMap(({ name }) => columnsOf(name, rows));
  return {
    head: ["pruned by", "zeros", ...columns.map(({ head }) => head)],
    rows: rows.map((row) => ({
      key: row.key,
      kind: row.kind,
      cells: [
        { text: row.name, order: row.name },
        { text: percent(row.sparsity), order: row.sparsity },
        ...columns.map(({ of }) => of(row)),
      ],
    })),
  };
}

interface Column {
  readonly head: string;
  readonly of: (row: Row) => Cell;
}

const NO_CELL: Cell = { text: "", order: undefined };

function columnsOf(data: string, rows: readonly Row[]): Column[] {
  const first = rows.find(({ metrics }) => Object.hasOwn(metrics, data))?.metrics[data];
  const figures = (first ? figuresOf(first) : []).map(
    ([figure], i): Column => ({
      head: `${data} ${figure}`,
      of({ metrics }) {
        const evaluation = Object.hasOwn(metrics, data) ? metrics[data] : undefined;
        const found = evaluation && figuresOf(evaluation)[i];
        return found ? { text: found[2], order: Number.parseFloat(found[1]) } : NO_CELL;
      },
    }),
  );
  if (!rows.some(({ frontier }) => frontier && Object.hasOwn(frontier, data))) return figures;
  const distance: Column = {
    head: `${data} past mixtures`,
    of({ frontier }) {
      const found = frontier && Object.hasOwn(frontier, data) ? frontier[data] : undefined;
      if (!found) return NO_CELL;
      return { text: `${distanceText(found)}${found.beyond ? " *" : ""}`, order: found.value, beyond: found.beyond };
    },
  };
  return [...figures, distance];
}

/** The same table with its rows in another order; rows that a column says nothing of keep theirs, at the end. */
export function sorted(table: ComparisonTable, sorting: Sorting | undefined): ComparisonTable {
  if (sorting === undefined) return table;
  const { column, descending } = sorting;
  const rows = [...table.rows].sort((a, b) => {
    const [x, y] = [a.cells[column]?.order, b.cells[column]?.order];
    if (x === undefined || y === undefined) return Number(x === undefined) - Number(y === undefined);
    const sign = typeof x === "string" || typeof y === "string" ? String(x).localeCompare(String(y)) : x - y;
    return descending ? -sign : sign;
  });
  return { ...table, rows };
}
