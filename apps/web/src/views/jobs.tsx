import type { JSX } from "preact";
import type { Job, Model } from "../api/types.ts";
import { modelNames, titleOf } from "../names.ts";
import { useShared } from "../parts/context.ts";
import { Problem, StateBadge, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { hashOf } from "../router.ts";

const EVERY_MS = 3000;

/** All jobs, the latest first. */
export function Jobs(): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(
    "jobs",
    async (signal) => {
      const [{ jobs }, { models }] = await Promise.all([
        api.json<{ jobs: Job[] }>("/api/jobs", { signal }),
        api.json<{ models: Model[] }>("/api/models", { signal }),
      ]);
      return { jobs, nameOf: modelNames(models, jobs) };
    },
    EVERY_MS,
  );
  return (
    <>
      <h1>Jobs</h1>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {value === undefined && problem === undefined && <Waiting what="jobs" />}
      {value?.jobs.length === 0 && (
        <p class="soft">
          There are none yet. <a href={hashOf({ view: "new" })}>Begin one</a>.
        </p>
      )}
      <ul class="jobs">
        {value?.jobs.map((job) => (
          <li key={job.id} class="card">
            <a href={hashOf({ view: "job", job: job.id })}>{titleOf(job, value.nameOf)}</a>
            <StateBadge state={job.state} />
            <span class="soft">{timeOf(job)}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function timeOf({ createdAt, finishedAt }: Job): string {
  return finishedAt === undefined ? `since ${new Date(createdAt).toLocaleString()}` : new Date(finishedAt).toLocaleString();
}
