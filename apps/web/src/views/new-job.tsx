import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import type { Data, Job, JobKind, Model } from "../api/types.ts";
import { type Draft, EMPTY_DRAFT, withKnown } from "../forms/draft.ts";
import { draftOf } from "../forms/from-recipe.ts";
import { fieldOf, requestOf } from "../forms/request.ts";
import { modelNames, titleOf } from "../names.ts";
import { useShared } from "../parts/context.ts";
import { type Choice, ProblemsContext } from "../parts/field.tsx";
import { Problem, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { hashOf } from "../router.ts";
import { DataCard } from "./data-card.tsx";
import { AdvancedCard, CollectCard, MeasureCard, MethodCard, Radio } from "./method-card.tsx";
import { ModelCard } from "./model-card.tsx";

interface Lists {
  readonly models: readonly Model[];
  readonly data: readonly Data[];
  readonly jobs: readonly Job[];
}

/** The form of a new job; one `from` another begins with what that was. */
export function NewJob({ from }: { readonly from: string | undefined }): JSX.Element {
  const { api, plugins } = useShared();
  const { value, problem } = useLoaded(`form ${from}`, async (signal) => {
    const [{ models }, { data }, { jobs }, first] = await Promise.all([
      api.json<{ models: Model[] }>("/api/models", { signal }),
      api.json<{ data: Data[] }>("/api/data", { signal }),
      api.json<{ jobs: Job[] }>("/api/jobs", { signal }),
      from === undefined ? undefined : api.json<Job>(`/api/jobs/${from}`, { signal }),
    ]);
    const draft = first ? draftOf(first, plugins) : EMPTY_DRAFT;
    return { lists: { models, data, jobs }, draft: withKnown(draft, idsOf(models), idsOf(data)) };
  });
  return (
    <>
      <h1>New job</h1>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {value === undefined ? (
        problem === undefined && <Waiting what="models and data" />
      ) : (
        <Form key={from} lists={value.lists} first={value.draft} />
      )}
    </>
  );
}

const KINDS: readonly (readonly [kind: JobKind, label: string])[] = [
  ["prune", "Prune: make a smaller model"],
  ["compare", "Compare: measure what fusion gains"],
  ["eval", "Evaluate: measure a model"],
  ["calibrate", "Calibrate: collect statistics, for many prunes"],
];

function Form({ lists, first }: { readonly lists: Lists; readonly first: Draft }): JSX.Element {
  const { api, plugins } = useShared();
  const [draft, setDraft] = useState(first);
  const [data, setData] = useState(lists.data);
  const [tried, setTried] = useState(false);
  const [refusal, setRefusal] = useState<string>();
  const [busy, setBusy] = useState(false);
  const form = useRef<HTMLFormElement>(null);

  const change = (part: Partial<Draft>): void => {
    setRefusal(undefined);
    setDraft((before) => ({ ...before, ...part }));
  };
  const { body, problems } = requestOf(draft, plugins);
  const refused = refusal === undefined ? undefined : fieldOf(refusal, fieldsOf(form.current));
  const shown = new Map(tried ? problems : []);
  if (refused !== undefined && refusal !== undefined) shown.set(refused, refusal);

  const nameOf = modelNames(lists.models, lists.jobs);
  const models = lists.models.map(({ id }): Choice => [id, nameOf(id)]);
  const statistics = lists.jobs
    .filter((job) => job.kind === "calibrate" && job.state === "done")
    .map((job): Choice => [job.id, `statistics: ${titleOf(job, nameOf)}, ${new Date(job.createdAt).toLocaleString()}`]);

  async function start(): Promise<void> {
    setTried(true);
    if (problems.size > 0) return showFirst(form.current, problems.keys());
    setBusy(true);
    try {
      const { id } = await api.post<Job>("/api/jobs", body);
      location.hash = hashOf({ view: "job", job: id });
    } catch (error) {
      setRefusal(messageOf(error));
    } finally {
      setBusy(false);
    }
  }
  useEffect(() => {
    if (refused !== undefined) showFirst(form.current, [refused]);
  }, [refused]);

  const wrong = tried && problems.size > 0;
  return (
    <ProblemsContext.Provider value={shown}>
      <form
        ref={form}
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          void start();
        }}
      >
        <fieldset class="kinds">
          <legend>What is to be done</legend>
          {KINDS.map(([kind, label]) => (
            <Radio key={kind} name="kind" label={label} checked={draft.kind === kind} onChecked={() => change({ kind })} />
          ))}
        </fieldset>
        <ModelCard models={lists.models} nameOf={nameOf} value={draft.model} onValue={(model) => change({ model })} />
        <DataCard
          draft={draft}
          change={change}
          data={data}
          onUploaded={(one) => setData((before) => [...before, one])}
          onDeleted={({ id }) => {
            const left = data.filter((one) => one.id !== id);
            setData(left);
            setDraft((before) => withKnown(before, idsOf(lists.models), idsOf(left)));
          }}
          statistics={statistics}
        />
        {(draft.kind === "prune" || draft.kind === "compare") && <MethodCard draft={draft} change={change} />}
        {draft.kind === "calibrate" && <CollectCard draft={draft} change={change} />}
        {draft.kind === "eval" && <MeasureCard draft={draft} change={change} models={models} />}
        <AdvancedCard draft={draft} change={change} />
        {refusal !== undefined && refused === undefined && <Problem>{refusal}</Problem>}
        {wrong && (
          <Problem>
            {problems.size === 1 ? "One field above is not right yet." : `${problems.size} fields above are not right yet.`}
          </Problem>
        )}
        <div class="row">
          <button type="submit" class="main" disabled={busy}>
            Start
          </button>
        </div>
      </form>
    </ProblemsContext.Provider>
  );
}

function idsOf(listed: readonly { readonly id: string }[]): ReadonlySet<string> {
  return new Set(listed.map(({ id }) => id));
}

const FIELD = "field-";

/** The fields that a form shows. */
function fieldsOf(form: HTMLFormElement | null): string[] {
  return [...(form?.querySelectorAll("input, select, textarea") ?? [])].flatMap(({ id }) =>
    id.startsWith(FIELD) ? [id.slice(FIELD.length)] : [],
  );
}

/** Leads to the first of these fields, through what is folded. */
function showFirst(form: HTMLFormElement | null, names: Iterable<string>): void {
  const wanted = new Set([...names].map((name) => FIELD + name));
  const found = [...(form?.querySelectorAll<HTMLElement>(`[id^="${FIELD}"]`) ?? [])].find(({ id }) => wanted.has(id));
  for (let around = found?.parentElement; around; around = around.parentElement) {
    if (around instanceof HTMLDetailsElement) around.open = true;
  }
  found?.focus();
}
