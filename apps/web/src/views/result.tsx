import type { EvalOutcome, PruneOutcome } from "@secateur/engine";
import type { Comparison, Quality } from "@secateur/pipeline";
import {
  beforeAndAfter,
  computedText,
  conclusionText,
  figuresOf,
  grouped,
  humanBytes,
  percent,
  plusMinus,
  shareText,
} from "@secateur/report/text";
import type { JSX } from "preact";
import type { Job } from "../api/types.ts";
import { Scrolled } from "../parts/small.tsx";

/** What a finished job has come to, in a few figures. */
export function Result({ job }: { readonly job: Job }): JSX.Element | null {
  const [tiles, note] = RESULTS[job.kind](job.result);
  const quality = job.kind === "prune" ? ((job.result as PruneOutcome).quality ?? []) : [];
  if (tiles.length === 0 && note === undefined) return null;
  return (
    <section class="card" aria-labelledby="result">
      <h2 id="result">Result</h2>
      {note !== undefined && <p>{note}</p>}
      <ul class="tiles">
        {tiles.map(([name, value]) => (
          <li key={name}>
            <b>{value}</b>
            <span>{name}</span>
          </li>
        ))}
      </ul>
      {quality.length > 0 && <BeforeAndAfter quality={quality} />}
    </section>
  );
}

/** What a model was before it was pruned, and is after. */
function BeforeAndAfter({ quality }: { readonly quality: readonly Quality[] }): JSX.Element {
  const rows = beforeAndAfter(quality).map(
    ({ data, figure, before, after }) => [`${data}: ${FIGURES[figure] ?? figure}`, before, after] as const,
  );
  return (
    <Scrolled label="before and after">
      <table>
        <thead>
          <tr>
            <th scope="col">measured on</th>
            <th scope="col" class="number">
              before
            </th>
            <th scope="col" class="number">
              after
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, before, after]) => (
            <tr key={name}>
              <th scope="row">{name}</th>
              <td class="number">{before}</td>
              <td class="number">{after}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </Scrolled>
  );
}

/** The figures of evaluations, in words. */
const FIGURES: Readonly<Record<string, string>> = {
  ppl: "perplexity",
  exact: "exact answers",
  acc: "right choices (acc)",
  acc_norm: "right choices, per character (acc_norm)",
};

type Tile = readonly [name: string, value: string];

const RESULTS: Readonly<Record<Job["kind"], (result: unknown) => readonly [tiles: readonly Tile[], note?: string]>> = {
  prune(result) {
    const { sparsity, bytes, plan, backend } = result as PruneOutcome;
    return [
      [
        ...(sparsity ? [["of the weights that may be pruned are zero", percent(sparsity.ratio)] as const] : []),
        ["layers", grouped(plan.layers)],
        ...(bytes
          ? [
              ["the model as it is", humanBytes(bytes.dense)] as const,
              ["where only what is left is kept", humanBytes(bytes.packed)] as const,
            ]
          : []),
      ],
      `Computed by ${computedText(backend)}.`,
    ];
  },
  compare(result) {
    const { rows, plan } = result as Comparison;
    const names = plan.evaluation.map(({ name }) => name);
    return [[["models measured", grouped(rows.length)]], conclusionText(rows, names)];
  },
  eval(result) {
    const outcome = result as EvalOutcome;
    if (outcome.metric !== "distance")
      return [figuresOf(outcome).map(([name, , value]) => [FIGURES[name] ?? name, value] as const), `${outcome.protocol}.`];
    const { divergence, agreement } = outcome;
    return [
      [
        ["mean KL(other ‖ model)", plusMinus(divergence.value, divergence.standardError)],
        ["the same likeliest token", shareText(agreement)],
      ],
    ];
  },
  calibrate(result) {
    const { plan } = result as { readonly plan: { readonly roles: readonly { readonly role: string; readonly tokens: number }[] } };
    return [plan.roles.map(({ role, tokens }) => [`tokens of ${role}`, grouped(tokens)] as const)];
  },
};
