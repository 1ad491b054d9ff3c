import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";
import { streamAnswer } from "../api/completions.ts";
import type { Job, Model } from "../api/types.ts";
import { modelNames, modelOf } from "../names.ts";
import { useShared } from "../parts/context.ts";
import { Check, type Choice, ProblemsContext, SelectField, TextField } from "../parts/field.tsx";
import { Problem, Waiting } from "../parts/small.tsx";
import { useLoaded } from "../parts/use-loaded.ts";

/** Two models to ask the same, by their ids. */
interface Pair {
  readonly dense: string;
  readonly pruned: string;
}

/** One prompt, and the answers of two models as they come: of the one that a job made, or of the latest, beside the one that it was made of. */
export function Playground({ job }: { readonly job: string | undefined }): JSX.Element {
  const { api } = useShared();
  const { value, problem } = useLoaded(`playground ${job}`, async (signal) => {
    const [served, { models }, { jobs }] = await Promise.all([
      api.json<{ data: { id: string }[] }>("/v1/models", { signal }),
      api.json<{ models: Model[] }>("/api/models", { signal }),
      api.json<{ jobs: Job[] }>("/api/jobs", { signal }),
    ]);
    const nameOf = modelNames(models, jobs);
    return {
      choices: served.data.map(({ id }): Choice => [id, nameOf(id)]),
      pair: firstPair(served.data, models, job === undefined ? jobs : jobs.filter(({ id }) => id === job)),
    };
  });
  return (
    <>
      <h1>Playground</h1>
      {problem !== undefined && <Problem>{problem}</Problem>}
      {value === undefined ? problem === undefined && <Waiting what="models" /> : <Asking choices={value.choices} first={value.pair} />}
    </>
  );
}

/** The model that the first of these jobs made beside the one that it was made of. */
function firstPair(served: readonly { readonly id: string }[], models: readonly Model[], jobs: readonly Job[]): Pair {
  const ids = new Set(served.map(({ id }) => id));
  for (const job of jobs) {
    const pruned = models.find((model) => model.job === job.id)?.id;
    const dense = modelOf(job);
    if (pruned !== undefined && ids.has(pruned) && ids.has(dense)) return { dense, pruned };
  }
  const [first, second = first] = served;
  return { dense: first?.id ?? "", pruned: second?.id ?? "" };
}

interface Answer {
  readonly text: string;
  readonly state: "none" | "waiting" | "streaming" | "done" | "stopped";
  readonly problem?: string;
}

const NO_ANSWER: Answer = { text: "", state: "none" };

function Asking({ choices, first }: { readonly choices: readonly Choice[]; readonly first: Pair }): JSX.Element {
  const { api } = useShared();
  const [pair, setPair] = useState(first);
  const [text, setText] = useState("");
  const [chat, setChat] = useState(false);
  const [maxTokens, setMaxTokens] = useState("64");
  const [temperature, setTemperature] = useState("0");
  const [answers, setAnswers] = useState<Readonly<Record<keyof Pair, Answer>>>({ dense: NO_ANSWER, pruned: NO_ANSWER });
  const running = useRef<AbortController>(undefined);
  useEffect(() => () => running.current?.abort(), []);

  const problems = new Map<string, string>();
  if (!/^[1-9]\d{0,5}$/.test(maxTokens.trim())) problems.set("max-tokens", "a whole number from 1 on is wanted");
  if (!(temperature.trim() !== "" && Number(temperature) >= 0 && Number(temperature) <= 2))
    problems.set("temperature", "a number from 0 to 2 is wanted");
  const busy = Object.values(answers).some(({ state }) => state === "waiting" || state === "streaming");
  async function ask(side: keyof Pair, signal: AbortSignal): Promise<void> {
    const put = (answer: Answer): void => setAnswers((before) => ({ ...before, [side]: answer }));
    let whole = "";
    put({ text: whole, state: "waiting" });
    try {
      const prompt = { model: pair[side], text, chat, maxTokens: Number(maxTokens), temperature: Number(temperature) };
      for await (const piece of streamAnswer(api, prompt, signal)) {
        whole += piece;
        put({ text: whole, state: "streaming" });
      }
      put({ text: whole, state: "done" });
    } catch (error) {
      put({ text: whole, state: "stopped", ...(!signal.aborted && { problem: messageOf(error) }) });
    }
  }
  function start(): void {
    const stop = new AbortController();
    running.current = stop;
    void ask("dense", stop.signal);
    void ask("pruned", stop.signal);
  }

  if (choices.length === 0) return <p class="soft">The server has no model to ask.</p>;
  return (
    <ProblemsContext.Provider value={problems}>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          start();
        }}
      >
        <TextField name="prompt" label="Prompt" value={text} onValue={setText} rows={4} />
        <div class="grid">
          <TextField name="max-tokens" label="Tokens at most" value={maxTokens} onValue={setMaxTokens} numeric />
          <TextField
            name="temperature"
            label="Temperature"
            hint="0: the likeliest each time"
            value={temperature}
            onValue={setTemperature}
            numeric
          />
        </div>
        <Check label="Ask as in a conversation, by the model’s chat template" checked={chat} onChecked={setChat} />
        <div class="row">
          <button type="submit" class="main" disabled={busy || text === "" || problems.size > 0}>
            Ask both
          </button>
          {busy && (
            <button type="button" onClick={() => running.current?.abort()}>
              Stop
            </button>
          )}
        </div>
      </form>
      <div class="pair">
        {(["dense", "pruned"] as const).map((side) => (
          <section key={side} class="card" aria-label={SIDES[side]}>
            <SelectField
              name={side}
              label={SIDES[side]}
              choices={choices}
              value={pair[side]}
              onValue={(model) => setPair((before) => ({ ...before, [side]: model }))}
            />
            <Shown answer={answers[side]} />
          </section>
        ))}
      </div>
    </ProblemsContext.Provider>
  );
}

const SIDES: Readonly<Record<keyof Pair, string>> = { dense: "One model", pruned: "The other" };

function Shown({ answer: { text, state, problem } }: { readonly answer: Answer }): JSX.Element {
  return (
    <>
      <p class={`answer ${state}`} aria-live="polite" aria-busy={state === "waiting" || state === "streaming"}>
        {state === "none" && <span class="soft">The answer comes here.</span>}
        {state === "waiting" && <span class="soft">…</span>}
        <bdi>{text}</bdi>
        {state === "done" && text === "" && <span class="soft">The model said nothing.</span>}
      </p>
      {problem !== undefined && <Problem>{problem}</Problem>}
    </>
  );
}
