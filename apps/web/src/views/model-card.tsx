import type { Inspection } from "@secateur/engine";
import { grouped, humanBytes, humanCount, percent } from "@secateur/report/text";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Model } from "../api/types.ts";
import { useShared } from "../parts/context.ts";
import { type Choice, SelectField } from "../parts/field.tsx";
import { Problem, Scrolled, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";

interface ModelCardProps {
  readonly models: readonly Model[];
  readonly nameOf: (model: string) => string;
  readonly value: string;
  readonly onValue: (model: string) => void;
}

/** The model that a job is about, and what its headers say. */
export function ModelCard({ models, nameOf, value, onValue }: ModelCardProps): JSX.Element {
  const [open, setOpen] = useState(false);
  const choices: Choice[] = [["", "choose a model"], ...models.map(({ id }): Choice => [id, nameOf(id)])];
  return (
    <section class="card" aria-labelledby="model">
      <h2 id="model">Model</h2>
      {models.length === 0 && <Problem>The server has no models: it is started with --models and a folder of them.</Problem>}
      <SelectField name="model" label="Model" quiet choices={choices} value={value} onValue={onValue} />
      {value !== "" && (
        <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
          <summary>What its headers say</summary>
          {open && <Headers model={value} />}
        </details>
      )}
    </section>
  );
}

function Headers({ model }: { readonly model: string }): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(model, (signal) => api.json<Inspection>(`/api/models/${model}`, { signal }));
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  if (value === undefined) return <Waiting what="the headers" />;
  const { unsupported, modelType, parameters, tensors, bytes, dtypes, tokenizer, pruned, groups } = value;
  return (
    <>
      {unsupported !== undefined && <Problem>{unsupported}</Problem>}
      <dl>
        <Fact name="architecture">{modelType ?? "unknown"}</Fact>
        <Fact name="parameters">{`${humanCount(parameters)} in ${grouped(tensors)} tensors (${Object.keys(dtypes).join(", ")})`}</Fact>
        <Fact name="size">{humanBytes(bytes)}</Fact>
        <Fact name="tokenizer">{tokenizer ? "yes" : "none: data has to be token ids"}</Fact>
        {pruned && <Fact name="pruned">{`${percent(pruned.sparsity.ratio)} by ${pruned.recipe.scorer}`}</Fact>}
      </dl>
      <Scrolled label="tensors">
        <table>
          <thead>
            <tr>
              <th scope="col">tensors</th>
              <th scope="col">shape</th>
              <th scope="col">type</th>
              <th scope="col" class="number">
                number
              </th>
              <th scope="col" class="number">
                zeros
              </th>
            </tr>
          </thead>
          <tbody>
            {groups.map(({ name, dtype, shape, count, sparsity }) => (
              <tr key={`${name} ${dtype} ${shape}`}>
                <th scope="row">{name}</th>
                <td>{shape.join(" × ")}</td>
                <td>{dtype}</td>
                <td class="number">{count}</td>
                <td class="number">{sparsity === undefined ? "" : percent(sparsity)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </Scrolled>
    </>
  );
}

function Fact({ name, children }: { readonly name: string; readonly children: string }): JSX.Element {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
