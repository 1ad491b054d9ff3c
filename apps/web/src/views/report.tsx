import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { useShared } from "../parts/context.ts";
import { Problem, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";
import { hashOf } from "../router.ts";

/** The report of a job, on a page of its own. */
export function ReportView({ id }: { readonly id: string }): JSX.Element {
  return (
    <>
      <p>
        <a href={hashOf({ view: "job", job: id })}>← The job</a>
      </p>
      <h1>Report</h1>
      <ReportFrame job={id} />
    </>
  );
}

/**
 * The page that is made of a job's results. It stands in a sandbox in which nothing runs, within a page of the server's that lets its style in: this page's own
 * policy has no place for one.
 */
export function ReportFrame({ job }: { readonly job: string }): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(job, async (signal) => (await api.send(`/api/jobs/${job}/report`, { signal })).text());
  const [framed, setFramed] = useState(false);
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const inner = frame.current?.contentDocument?.querySelector("iframe");
    if (framed && inner && value !== undefined) inner.srcdoc = value;
  }, [framed, value]);
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  return (
    <>
      {value === undefined && <Waiting what="the report" />}
      <iframe ref={frame} class="report" title="Report" src="/report-frame.html" onLoad={() => setFramed(true)} />
    </>
  );
}
