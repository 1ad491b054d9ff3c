import type { Document } from "@secateur/kit";
import { counted, humanBytes, percent } from "@secateur/report/text";
import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import type { Data, Preview } from "../api/types.ts";
import type { SourceDraft } from "../forms/draft.ts";
import { useShared } from "../parts/context.ts";
import { type Choice, Field, TextField } from "../parts/field.tsx";
import { Problem, SureButton, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";

interface SourceFieldsProps {
  /** The place in the recipe. */
  readonly name: string;
  readonly label: string;
  readonly data: readonly Data[];
  readonly value: SourceDraft;
  /** `chosen` is the file of a value that names another one. */
  readonly onValue: (value: SourceDraft, chosen?: Data) => void;
  /** Told of a file that was brought, and of one that was taken away. */
  readonly onUploaded: (data: Data) => void;
  readonly onDeleted: (data: Data) => void;
}

/** A data file: one that is listed or one that is uploaded, how it is read, and what the loader makes of it. */
export function SourceFields({ name, label, data, value, onValue, onUploaded, onDeleted }: SourceFieldsProps): JSX.Element {
  const { api, plugins } = useShared();
  const [problem, setProblem] = useState<string>();
  const upload = useUpload((brought) => {
    onUploaded(brought);
    onValue({ ...value, data: brought.id }, brought);
  });
  const input = useRef<HTMLInputElement>(null);
  const choices: Choice[] = [
    ["", "choose a file"],
    ...data.map((one): Choice => [one.id, `${one.name} (${humanBytes(one.bytes)}${one.uploaded ? ", uploaded" : ""})`]),
  ];
  const choose = (id: string): void =>
    onValue(
      { ...value, data: id },
      data.find((one) => one.id === id),
    );
  const chosen = data.find((one) => one.id === value.data);
  async function remove(upload: Data): Promise<void> {
    try {
      await api.send(`/api/data/${upload.id}`, { method: "DELETE" });
      onDeleted(upload);
    } catch (error) {
      setProblem(messageOf(error));
    }
  }
  const templates = (plugins.template ?? []).map((one) => one.name);
  return (
    <div class="source">
      <Field
        name={name}
        label={label}
        control={(described) => (
          <div class="row">
            <select {...described} value={value.data} onChange={({ currentTarget }) => choose(currentTarget.value)}>
              {choices.map(([id, text]) => (
                <option key={id} value={id} selected={id === value.data}>
                  {text}
                </option>
              ))}
            </select>
            <button type="button" onClick={() => input.current?.click()} disabled={upload.share !== undefined}>
              Upload …
            </button>
          </div>
        )}
      />
      <input
        ref={input}
        type="file"
        class="hidden"
        tabIndex={-1}
        aria-label={`File to upload as ${label}`}
        accept={(plugins.loader ?? []).flatMap(({ extensions = [] }) => extensions).join(",")}
        onChange={({ currentTarget }) => {
          const [file] = currentTarget.files ?? [];
          currentTarget.value = ""; // the same file may be brought again
          if (file) upload.begin(file);
        }}
      />
      {upload.share !== undefined && (
        <div class="row">
          <progress value={upload.share} max={1} aria-label={`Upload of ${upload.file}`} />
          <span class="soft">{`${upload.file}: ${percent(upload.share)}`}</span>
          <button type="button" onClick={upload.cancel}>
            Stop
          </button>
        </div>
      )}
      {(upload.problem ?? problem) !== undefined && <Problem>{upload.problem ?? problem}</Problem>}
      {value.data !== "" && <Reading name={name} value={value} onValue={onValue} templates={templates} />}
      {chosen?.uploaded && (
        <SureButton label="Delete the upload" sure={`Delete ${chosen.name} from the server`} onSure={() => void remove(chosen)} />
      )}
    </div>
  );
}

interface Upload {
  readonly file: string;
  /** The share that is sent; undefined where nothing is being sent. */
  readonly share: number | undefined;
  readonly problem: string | undefined;
  begin(file: File): void;
  cancel(): void;
}

function useUpload(onDone: (data: Data) => void): Upload {
  const { api } = useShared();
  const [state, setState] = useState<Pick<Upload, "file" | "share" | "problem">>({ file: "", share: undefined, problem: undefined });
  const running = useRef<AbortController>(undefined);
  const done = useRef(onDone);
  done.current = onDone;
  useEffect(() => () => running.current?.abort(), []);
  return {
    ...state,
    begin(file) {
      const stop = new AbortController();
      running.current = stop;
      setState({ file: file.name, share: 0, problem: undefined });
      const finish = (problem: string | undefined): void => setState({ file: file.name, share: undefined, problem });
      api
        .upload(file, (share) => setState({ file: file.name, share, problem: undefined }), stop.signal)
        .then(
          (data) => {
            finish(undefined);
            done.current(data);
          },
          (error: unknown) => finish(stop.signal.aborted ? undefined : messageOf(error)),
        );
    },
    cancel: () => running.current?.abort(),
  };
}

interface ReadingProps {
  readonly name: string;
  readonly value: SourceDraft;
  readonly onValue: (value: SourceDraft) => void;
  readonly templates: readonly string[];
}

/** How the rows of a file are read, and the first of them. */
function Reading({ name, value, onValue, templates }: ReadingProps): JSX.Element {
  const [open, setOpen] = useState(false);
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>How it is read</summary>
      <div class="grid">
        <TextField
          name={`${name}.template`}
          label="Template"
          hint={`a text with {column} places, ||| before the answer; or one of ${templates.join(", ")}`}
          value={value.template}
          placeholder="as the columns are called"
          onValue={(template) => onValue({ ...value, template })}
        />
        <TextField
          name={`${name}.fields`}
          label="Columns"
          hint="KEY=COLUMN with commas, such as prompt=question, answer=solution"
          value={value.fields}
          placeholder="as they are called"
          onValue={(fields) => onValue({ ...value, fields })}
        />
      </div>
      {open && <Rows value={value} />}
    </details>
  );
}

const SETTLED_MS = 400;
const SHOWN = 5;

function Rows({ value: { data, fields, template } }: { readonly value: SourceDraft }): JSX.Element {
  const { api } = useShared();
  const asked = useSettled(JSON.stringify([data, fields, template]));
  const { value, problem } = useLoaded(asked, async () => {
    const [id, columns, text] = JSON.parse(asked) as [string, string, string];
    const pairs = columns.split(",").flatMap((pair) => {
      const [key = "", column = ""] = pair.split("=").map((part) => part.trim());
      return key !== "" && column !== "" ? [[key, column] as const] : [];
    });
    return api.post<Preview>(`/api/data/${id}/preview`, {
      count: SHOWN,
      ...(pairs.length > 0 && { fields: Object.fromEntries(pairs) }),
      ...(text.trim() !== "" && { template: text }),
    });
  });
  if (problem !== undefined) return <Problem>{problem}</Problem>;
  if (value === undefined) return <Waiting what="rows" />;
  const { documents, report } = value;
  return (
    <>
      <p class="hint">
        {documents.length === 0 ? "No rows." : `The first ${counted(documents.length, "row")}, as the loader reads them.`}
        {report.empty > 0 && ` ${counted(report.empty, "row")} among them had nothing in them.`}
      </p>
      <ol class="rows">
        {documents.map((document) => (
          <li key={document.origin.line}>
            <Row document={document} />
          </li>
        ))}
      </ol>
    </>
  );
}

/** A text once it has not changed for a while. */
function useSettled(text: string): string {
  const [settled, setSettled] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(text), SETTLED_MS);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

function Row({ document }: { readonly document: Document }): JSX.Element {
  return (
    <>
      {partsOf(document).map(([kind, text], i) => (
        <div key={i}>
          <span class="kind">{kind}</span> <bdi class="text">{text}</bdi>
        </div>
      ))}
    </>
  );
}

function partsOf(document: Document): readonly (readonly [kind: string, text: string])[] {
  switch (document.kind) {
    case "text":
      return [["text", document.text]];
    case "answer":
      return [
        ["prompt", document.prompt],
        ["answer", document.answer],
      ];
    case "choices":
      return [
        ["prompt", document.prompt],
        ...document.choices.map((choice, i) => [i === document.answer ? "right" : "wrong", choice] as const),
      ];
    case "messages":
      return document.messages.map(({ role, content }) => [role, content] as const);
    case "ids":
      return [["token ids", document.ids.join(" ")]];
  }
}
