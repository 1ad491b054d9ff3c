import { humanDuration } from "@secateur/report/text";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import { isFinal, type Job, type Model } from "../api/types.ts";
import { modelNames, titleOf } from "../names.ts";
import { useShared } from "../parts/context.ts";
import { Copied, Problem, StateBadge, SureButton, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { hashOf } from "../router.ts";
import { Artefacts } from "./artefacts.tsx";
import { LiveProgress } from "./live-progress.tsx";
import { Result } from "./result.tsx";

/** One job: how far it is, what came of it, and the command that does the same. */
export function JobView({ id }: { readonly id: string }): JSX.Element {
  const { api } = useShared();
  const { value, problem, reload } = useLoaded(id, async (signal) => {
    const [job, { command }, { models }, { jobs }] = await Promise.all([
      api.json<Job>(`/api/jobs/${id}`, { signal }),
      api.json<{ command?: string }>(`/api/jobs/${id}/command`, { signal }),
      api.json<{ models: Model[] }>("/api/models", { signal }),
      api.json<{ jobs: Job[] }>("/api/jobs", { signal }),
    ]);
    return { job, command, title: titleOf(job, modelNames(models, jobs)), made: models.find((model) => model.job === id) };
  });
  if (value === undefined) return problem === undefined ? <Waiting what="the job" /> : <Problem>{problem}</Problem>;
  const { job, command, title, made } = value;
  const { state, kind } = job;
  return (
    <>
      <p class="kicker">{`Job ${id.slice(0, 8)}`}</p>
      <h1>{title}</h1>
      <p class="row" role="status">
        <StateBadge state={state} />
        <span class="soft">{timesOf(job)}</span>
      </p>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {job.error && <Problem>{job.error.message}</Problem>}
      {state === "done" && (
        <nav class="row" aria-label="what came of it">
          {(kind === "prune" || kind === "compare") && (
            <a class="button main" href={hashOf({ view: kind === "prune" ? "report" : "comparison", job: id })}>
              {kind === "prune" ? "Open the report" : "Open the comparison"}
            </a>
          )}
          {made && (
            <a class="button" href={hashOf({ view: "playground", job: id })}>
              Try the model
            </a>
          )}
        </nav>
      )}
      {state === "done" && <Result job={job} />}
      <LiveProgress key={`${id} ${state}`} job={job} onState={reload} />
      {state === "done" && <Artefacts job={id} />}
      {command !== undefined && (
        <section class="card" aria-labelledby="command">
          <h2 id="command">The same as a command</h2>
          <Copied text={command} label="command" />
        </section>
      )}
      <Actions job={job} onChanged={reload} />
    </>
  );
}

function Actions({ job: { id, state, cancelling }, onChanged }: { readonly job: Job; readonly onChanged: () => void }): JSX.Element {
  const { api } = useShared();
  const [problem, setProblem] = useState<string>();
  async function act(what: () => Promise<unknown>, then: () => void): Promise<void> {
    setProblem(undefined);
    await what().then(then, (error: unknown) => setProblem(messageOf(error)));
  }
  const leave = (): void => {
    location.hash = hashOf({ view: "jobs" });
  };
  return (
    <>
      {problem !== undefined && <Problem>{problem}</Problem>}
      <div class="row">
        <a class="button" href={hashOf({ view: "new", from: id })}>
          Change and start again
        </a>
        {!isFinal(state) && (
          <button type="button" disabled={cancelling} onClick={() => void act(() => api.post(`/api/jobs/${id}/cancel`, {}), onChanged)}>
            {cancelling ? "Being cancelled …" : "Cancel"}
          </button>
        )}
        {isFinal(state) && (
          <SureButton
            label="Delete"
            sure="Delete it with its files"
            onSure={() => void act(() => api.send(`/api/jobs/${id}`, { method: "DELETE" }), leave)}
          />
        )}
      </div>
    </>
  );
}

function timesOf({ createdAt, startedAt, finishedAt, attempts }: Job): string {
  const again = attempts > 1 ? `, taken up ${attempts} times` : "";
  if (startedAt === undefined || finishedAt === undefined) return `since ${new Date(startedAt ?? createdAt).toLocaleString()}${again}`;
  const seconds = (Date.parse(finishedAt) - Date.parse(startedAt)) / 1000;
  return `${new Date(finishedAt).toLocaleString()}, after ${humanDuration(seconds)}${again}`;
}
