import type { JSX } from "preact";
import type { Data } from "../api/types.ts";
import { type Draft, type NamedDraft, NO_SOURCE, type SourceDraft, taskName } from "../forms/draft.ts";
import { type Choice, FieldProblem, SelectField, TextField } from "../parts/field.tsx";
import { SourceFields } from "./source-fields.tsx";

interface DataCardProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
  readonly data: readonly Data[];
  readonly onUploaded: (data: Data) => void;
  readonly onDeleted: (data: Data) => void;
  /** Calibrations that are done: id and what they are called. */
  readonly statistics: readonly Choice[];
}

/** What a job reads: general text and tasks, or statistics in their place; for an evaluation, what it is measured on. */
export function DataCard(props: DataCardProps): JSX.Element {
  const { draft, change, statistics } = props;
  const fromStatistics = draft.kind === "prune" && (statistics.length > 0 || draft.stats !== "");
  return (
    <section class="card" aria-labelledby="data">
      <h2 id="data">Data</h2>
      {draft.kind === "eval" ? (
        <SourceFields {...props} name="measured" label="Measured on" value={draft.measured} onValue={(measured) => change({ measured })} />
      ) : (
        <>
          {fromStatistics && (
            <SelectField
              name="stats"
              label="Read"
              choices={[["", "data"], ...statistics]}
              value={draft.stats}
              onValue={(stats) => change({ stats })}
              hint="Statistics of a calibration stand in for data: no data passes the model."
            />
          )}
          {draft.stats === "" || draft.kind !== "prune" ? <Roles {...props} /> : null}
          {(draft.kind === "compare" || draft.kind === "prune") && <Evaluated {...props} />}
        </>
      )}
    </section>
  );
}

function Roles(props: DataCardProps): JSX.Element {
  const { draft, change } = props;
  const { general, tasks, kind } = draft;
  const weighed = kind !== "calibrate" && tasks.length > 0;
  const setGeneral = (i: number, value: SourceDraft): void => change({ general: general.map((one, j) => (i === j ? value : one)) });
  const setTask = (i: number, part: Partial<Draft["tasks"][number]>): void =>
    change({ tasks: tasks.map((one, j) => (i === j ? { ...one, ...part } : one)) });
  return (
    <>
      <fieldset>
        <legend>General text</legend>
        <p class="hint">What the model should still do, whatever the tasks are.</p>
        {general.map((one, i) => (
          <div key={i}>
            <SourceFields
              {...props}
              name={`general.${i}`}
              label={general.length > 1 ? `File ${i + 1}` : "File"}
              value={one}
              onValue={(value) => setGeneral(i, value)}
            />
            {general.length > 1 && (
              <Away what={`file ${i + 1} of general text`} onAway={() => change({ general: general.filter((_, j) => j !== i) })} />
            )}
          </div>
        ))}
        <div class="row">
          <button type="button" onClick={() => change({ general: [...general, NO_SOURCE] })}>
            Add a file
          </button>
        </div>
        {weighed && <Weight name="generalWeight" value={draft.generalWeight} onValue={(generalWeight) => change({ generalWeight })} />}
      </fieldset>
      {tasks.map((task, i) => (
        <fieldset key={i}>
          <legend>{`Task ${i + 1}`}</legend>
          <NamedSource {...props} name={`tasks.${i}`} value={task} onValue={(value) => setTask(i, value)} />
          {weighed && <Weight name={`tasks.${i}.weight`} value={task.weight} onValue={(weight) => setTask(i, { weight })} />}
          <Away what={`task ${i + 1}`} onAway={() => change({ tasks: tasks.filter((_, j) => j !== i) })} />
        </fieldset>
      ))}
      <FieldProblem name="tasks" />
      <div class="row">
        <button type="button" onClick={() => change({ tasks: [...tasks, { ...NO_SOURCE, name: "", weight: "" }] })}>
          Add a task
        </button>
      </div>
    </>
  );
}

/** Data that models are measured on, which they are not pruned with. */
function Evaluated(props: DataCardProps): JSX.Element {
  const { draft, change } = props;
  const { evaluate } = draft;
  const set = (i: number, value: NamedDraft): void => change({ evaluate: evaluate.map((one, j) => (i === j ? value : one)) });
  return (
    <details open={evaluate.length > 0}>
      <summary>What the results are measured on</summary>
      <p class="hint">
        {draft.kind === "compare"
          ? "Of each role one row in five is held out and measured with, unless a file of the role’s name is given here."
          : "The model before and after, on rows that it is not pruned with; nothing where no file is given."}
      </p>
      {evaluate.map((one, i) => (
        <fieldset key={i}>
          <legend>{`Measured on ${i + 1}`}</legend>
          <NamedSource {...props} name={`evaluate.${i}`} value={one} onValue={(value) => set(i, value)} />
          <Away what={`file ${i + 1} that is measured on`} onAway={() => change({ evaluate: evaluate.filter((_, j) => j !== i) })} />
        </fieldset>
      ))}
      <div class="row">
        <button
          type="button"
          onClick={() => change({ evaluate: [...evaluate, { ...NO_SOURCE, name: evaluate.length === 0 ? "general" : "" }] })}
        >
          Add a file
        </button>
      </div>
    </details>
  );
}

interface NamedSourceProps extends Pick<DataCardProps, "data" | "onUploaded" | "onDeleted"> {
  readonly name: string;
  readonly value: NamedDraft;
  readonly onValue: (value: NamedDraft) => void;
}

/** A file and the name of its role, which is the file's until another one is typed. */
function NamedSource({ name, value, onValue, data, onUploaded, onDeleted }: NamedSourceProps): JSX.Element {
  const before = data.find((one) => one.id === value.data)?.name;
  const follows = value.name === "" || (before !== undefined && value.name === taskName(before));
  return (
    <>
      <SourceFields
        name={name}
        label="File"
        data={data}
        value={value}
        onValue={(source, chosen) => onValue({ ...value, ...source, ...(follows && chosen && { name: taskName(chosen.name) }) })}
        onUploaded={onUploaded}
        onDeleted={onDeleted}
      />
      <TextField
        name={`${name}.name`}
        label="Name"
        value={value.name}
        onValue={(text) => onValue({ ...value, name: text })}
        placeholder="named after its file"
      />
    </>
  );
}

function Weight(props: { readonly name: string; readonly value: string; readonly onValue: (value: string) => void }): JSX.Element {
  return <TextField {...props} label="Weight" placeholder="an equal share" hint="from 0 to 1; roles without one share the rest" numeric />;
}

function Away({ what, onAway }: { readonly what: string; readonly onAway: () => void }): JSX.Element {
  return (
    <button type="button" class="away" aria-label={`Take ${what} away`} onClick={onAway}>
      Take away
    </button>
  );
}
