import { humanBytes } from "@secateur/report/text";
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import type { Artefact } from "../api/types.ts";
import { useShared } from "../parts/context.ts";
import { Problem, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";

/** The files that a job has made. */
export function Artefacts({ job }: { readonly job: string }): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(job, (signal) => api.json<{ artefacts: Artefact[] }>(`/api/artefacts?job=${job}`, { signal }));
  return (
    <section class="card" aria-labelledby="files">
      <h2 id="files">Files</h2>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {value === undefined && problem === undefined && <Waiting what="files" />}
      <ul class="files">
        {value?.artefacts.map((artefact) => (
          <li key={artefact.file}>
            <Download artefact={artefact} />
            <span class="soft">{humanBytes(artefact.bytes)}</span>
          </li>
        ))}
      </ul>
    </section>
  );
}

function Download({ artefact: { job, file } }: { readonly artefact: Artefact }): JSX.Element {
  const { api } = useShared();
  const [problem, setProblem] = useState<string>();
  const path = `/api/artefacts/${job}/${encodeURIComponent(file)}`;
  const name = file.split("/").at(-1) ?? file;
  if (!api.hasToken())
    return (
      <a href={path} download={name}>
        {file}
      </a>
    );
  // A link carries no token: the file is fetched, and then kept from the page.
  async function fetchFile(): Promise<void> {
    const url = URL.createObjectURL(await (await api.send(path)).blob());
    const link = document.createElement("a");
    link.href = url;
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
  }
  return (
    <>
      <button type="button" class="link" onClick={() => void fetchFile().catch((error: unknown) => setProblem(messageOf(error)))}>
        {file}
      </button>
      {problem !== undefined && <Problem>{problem}</Problem>}
    </>
  );
}
