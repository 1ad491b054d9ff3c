import type { Comparison } from "@secateur/pipeline";
import { conclusionText, PAST_MIXTURES } from "@secateur/report/text";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Job } from "../api/types.ts";
import { type ComparisonTable, type Sorting, sorted, tableOf } from "../comparison-table.ts";
import { useShared } from "../parts/context.ts";
import { Problem, Scrolled, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { hashOf } from "../router.ts";
import { ReportFrame } from "./report.tsx";

/** A comparison: all models in one table, and the page with its plots. */
export function ComparisonView({ id }: { readonly id: string }): JSX.Element {
  const { api } = useShared();
  const { value: job, problem } = useLoaded(id, (signal) => api.json<Job>(`/api/jobs/${id}`, { signal }));
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  if (job === undefined) return <Waiting what="the comparison" />;
  if (job.kind !== "compare" || job.state !== "done") return <Problem>This job is no comparison that is done.</Problem>;
  const comparison = job.result as Comparison;
  const names = comparison.plan.evaluation.map(({ name }) => name);
  return (
    <>
      <p>
        <a href={hashOf({ view: "job", job: id })}>← The job</a>
      </p>
      <h1>Comparison</h1>
      <p class="conclusion">{conclusionText(comparison.rows, names)}</p>
      <SortedTable table={tableOf(comparison)} />
      <p class="hint">± is a standard error. {PAST_MIXTURES}</p>
      <h2>What a task costs general text</h2>
      <ReportFrame job={id} part="trade-off" />
      <p>
        <a href={hashOf({ view: "report", job: id })}>The whole report</a>
      </p>
    </>
  );
}

function SortedTable({ table }: { readonly table: ComparisonTable }): JSX.Element {
  const [sorting, setSorting] = useState<Sorting>();
  const { head, rows } = sorted(table, sorting);
  // The first click on a column sorts it up, the second down, the third takes the order of the comparison again.
  const click = (column: number): void => {
    if (sorting?.column !== column) setSorting({ column, descending: false });
    else setSorting(sorting.descending ? undefined : { column, descending: true });
  };
  return (
    <Scrolled label="results">
      <table class="comparison">
        <thead>
          <tr>
            {head.map((name, i) => {
              const order = sorting?.column === i ? (sorting.descending ? "descending" : "ascending") : undefined;
              return (
                <th key={name} scope="col" aria-sort={order} class={i > 0 ? "number" : undefined}>
                  <button type="button" class="sort" onClick={() => click(i)}>
                    {name}
                    <span aria-hidden="true">{order === undefined ? "" : order === "ascending" ? " ↑" : " ↓"}</span>
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ key, kind, cells: [first, ...cells] }) => (
            <tr key={key} class={kind}>
              <th scope="row">
                <bdi>{first?.text}</bdi>
              </th>
              {cells.map(({ text, beyond }, i) => (
                <td key={i} class={beyond ? "number beyond" : "number"}>
                  {text}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}
