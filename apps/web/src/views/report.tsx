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
 * policy has no place for one. `part` is the section that is shown where it is not all of it.
 */
export function ReportFrame({ job, part }: { readonly job: string; readonly part?: string }): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(job, async (signal) => (await api.send(`/api/jobs/${job}/report`, { signal })).text());
  const [framed, setFramed] = useState(false);
  const frame = useRef<HTMLIFrameElement>(null);
  useEffect(() => {
    const outer = frame.current?.contentWindow as (Window & typeof globalThis) | null | undefined;
    const inner = outer?.document.querySelector("iframe");
    if (framed && outer && inner && value !== undefined)
      inner.srcdoc = part === undefined ? value : partOf(value, part, new outer.DOMParser());
  }, [framed, value, part]);
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  return (
    <>
      {value === undefined && <Waiting what="the report" />}
      <iframe
        ref={frame}
        class={part === undefined ? "report" : "report part"}
        title="Report"
        src="/report-frame.html"
        onLoad={() => setFramed(true)}
      />
    </>
  );
}

/** The page with one of its sections alone, without its heading; the whole page where it has no such section. What parses it is of a page whose policy takes its style. */
function partOf(page: string, section: string, parser: DOMParser): string {
  const parsed = parser.parseFromString(page, "text/html"); // which runs nothing of it
  const found = parsed.querySelector(`section[aria-labelledby="${section}"]`);
  if (!found) return page;
  parsed.querySelector("main")?.replaceChildren(...[...found.children].slice(1));
  return `<!doctype html>${parsed.documentElement.outerHTML}`;
}
