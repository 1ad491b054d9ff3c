import { grouped, humanDuration, percent } from "@secateur/report/text";
import type { JSX } from "preact";
import { useEffect, useReducer, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import { followJob, type JobEvent } from "../api/follow.ts";
import { isFinal, type Job, type JobState } from "../api/types.ts";
import { useShared } from "../parts/context.ts";
import { Problem } from "../parts/small.tsx";
import { amountText, NO_PROGRESS, type Progress, progressAfter, shareOf } from "../progress.ts";

interface LiveProgressProps {
  readonly job: Job;
  /** Told when the job's state is another one. */
  readonly onState: () => void;
}

/** How far a job is, as it tells; of one that is over, how it went. */
export function LiveProgress({ job: { id, state }, onState }: LiveProgressProps): JSX.Element | null {
  const { api } = useShared();
  const [progress, tell] = useReducer(
    (before: Progress, { event, seconds }: { event: JobEvent; seconds: number }) => progressAfter(before, event, seconds),
    NO_PROGRESS,
  );
  const [connected, setConnected] = useState(true);
  const [problem, setProblem] = useState<string>();
  const changed = useRef(onState);
  changed.current = onState;

  useEffect(() => {
    const gone = new AbortController();
    const onEvent = (event: JobEvent): void => {
      tell({ event, seconds: performance.now() / 1000 });
      if (event.type === "state" && event.state !== state && (event.state === "running" || isFinal(event.state as JobState)))
        changed.current();
    };
    followJob(api, id, { onEvent, onConnection: setConnected, signal: gone.signal }).catch((error: unknown) =>
      setProblem(messageOf(error)),
    );
    return () => gone.abort();
  }, [api, id, state]);

  const { label, blocks, lines, perSecond, secondsLeft, unit } = progress;
  const running = state === "running";
  if (isFinal(state) && problem === undefined && lines.length === 0) return null;
  return (
    <section class="card" aria-labelledby="progress">
      <h2 id="progress">{isFinal(state) ? "How it went" : "Progress"}</h2>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {!connected && <p class="soft">The connection was cut; it is tried again.</p>}
      {state === "queued" && <p>It waits for its turn.</p>}
      {running && (
        <>
          <progress value={shareOf(progress)} max={1} aria-label="Progress of the job" />
          <p class="row numbers">
            <span>{label === "" ? "starting" : label}</span>
            <span class="soft">{amountText(progress)}</span>
            {perSecond !== undefined && unit !== "" && <span class="soft">{`${rateText(perSecond)} ${unit} a second`}</span>}
            {secondsLeft !== undefined && <span class="soft">{`${humanDuration(secondsLeft)} left`}</span>}
          </p>
        </>
      )}
      {blocks.length > 0 && (
        <ol class="blocks" aria-label="blocks of the model">
          {blocks.map((block, i) => (
            <li key={i} class={block.state}>
              <span class="hidden">{`block ${i + 1}: `}</span>
              {block.state === "done" ? percent(block.sparsity ?? 0) : block.state === "active" ? "…" : ""}
              <span class="hidden">{block.state === "waiting" ? "waits" : ""}</span>
            </li>
          ))}
        </ol>
      )}
      <p class="hidden" aria-live="polite">
        {lines.at(-1) ?? ""}
      </p>
      {lines.length > 0 && (
        <details open={state === "failed"}>
          <summary>What has come about</summary>
          <ul class="lines">
            {lines.map((line, i) => (
              <li key={i}>{line}</li>
            ))}
          </ul>
        </details>
      )}
    </section>
  );
}

function rateText(perSecond: number): string {
  return perSecond >= 10 ? grouped(perSecond) : String(Number(perSecond.toPrecision(2)));
}
