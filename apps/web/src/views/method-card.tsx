import type { JSX } from "preact";
import { COLLECTED, type Draft } from "../forms/draft.ts";
import { useShared } from "../parts/context.ts";
import { Check, type Choice, SelectField, TextField } from "../parts/field.tsx";
import { PluginFields } from "../parts/plugin-fields.tsx";

interface CardProps {
  readonly draft: Draft;
  readonly change: (part: Partial<Draft>) => void;
}

/** How much is pruned, and how what goes is chosen. */
export function MethodCard({ draft, change }: CardProps): JSX.Element {
  return (
    <section class="card" aria-labelledby="method">
      <h2 id="method">Method</h2>
      <Amount draft={draft} change={change} />
      <PluginFields name="scorer" label="Scorer: what a weight is worth" value={draft.scorer} onValue={(scorer) => change({ scorer })} />
      {draft.kind === "compare" ? (
        <Rules draft={draft} change={change} />
      ) : (
        <PluginFields
          name="fusion"
          label="Fusion: how the roles’ scores become one"
          none="what suits the scorer and the data"
          value={draft.fusion}
          onValue={(fusion) => change({ fusion })}
        />
      )}
      <PluginFields
        name="solver"
        label="Solver: what repairs the weights that stay"
        none="none: they stay as they are"
        value={draft.solver}
        onValue={(solver) => change({ solver })}
      />
      <PluginFields
        name="allocate"
        label="Allocator: each layer’s part of the ratio"
        none="none: all layers alike"
        value={draft.allocate}
        onValue={(allocate) => change({ allocate })}
      />
    </section>
  );
}

const PATTERNS: readonly string[] = ["2:4", "4:8", "1:4", "1:2"];

function Amount({ draft, change }: CardProps): JSX.Element {
  return (
    <fieldset>
      <legend>How much is pruned</legend>
      <div class="row" role="radiogroup" aria-label="How it is said">
        <Radio name="amount" label="a ratio" checked={draft.amount === "sparsity"} onChecked={() => change({ amount: "sparsity" })} />
        <Radio name="amount" label="a pattern" checked={draft.amount === "pattern"} onChecked={() => change({ amount: "pattern" })} />
      </div>
      {draft.amount === "sparsity" ? (
        <TextField
          name="sparsity"
          label="Ratio"
          hint="the share of the weights that goes, such as 0.5 for half"
          value={draft.sparsity}
          onValue={(sparsity) => change({ sparsity })}
          numeric
        />
      ) : (
        <>
          <TextField
            name="pattern"
            label="Pattern"
            hint="KEEP:OF keeps KEEP of every OF weights; devices that are fast on a pattern want 2:4"
            value={draft.pattern}
            onValue={(pattern) => change({ pattern })}
          />
          <div class="row">
            {PATTERNS.map((pattern) => (
              <button key={pattern} type="button" aria-pressed={draft.pattern === pattern} onClick={() => change({ pattern })}>
                {pattern}
              </button>
            ))}
          </div>
        </>
      )}
    </fieldset>
  );
}

interface RadioProps {
  readonly name: string;
  readonly label: string;
  readonly checked: boolean;
  readonly onChecked: () => void;
}

/** One of several that exclude each other. */
export function Radio({ name, label, checked, onChecked }: RadioProps): JSX.Element {
  return (
    <label class="check">
      <input type="radio" name={name} checked={checked} onChange={onChecked} />
      <span>{label}</span>
    </label>
  );
}

/** What a comparison prunes by, beside general text and each task alone. */
function Rules({ draft, change }: CardProps): JSX.Element {
  const { plugins } = useShared();
  const { rules } = draft;
  const set = (name: string, wanted: boolean): void => change({ rules: wanted ? [...rules, name] : rules.filter((one) => one !== name) });
  return (
    <fieldset>
      <legend>Fusions to compare</legend>
      <p class="hint">Beside the dense model, general text alone, each task alone, and mixtures of them.</p>
      {(plugins.fuser ?? []).map(({ name, summary }) => (
        <Check key={name} label={`${name}: ${summary}`} checked={rules.includes(name)} onChecked={(wanted) => set(name, wanted)} />
      ))}
      <TextField
        name="otherRules"
        label="Others, with options"
        hint="NAME:KEY=VALUE with commas, such as sum:weight=0.25:tau=0.2; weight is that of the tasks’ scores"
        value={draft.otherRules}
        onValue={(otherRules) => change({ otherRules })}
      />
      <TextField
        name="mixtures"
        label="Mixtures"
        hint="the tasks’ weights in mixtures, with commas"
        value={draft.mixtures}
        onValue={(mixtures) => change({ mixtures })}
      />
    </fieldset>
  );
}

/** What a calibration collects. */
export function CollectCard({ draft, change }: CardProps): JSX.Element {
  const { collect } = draft;
  return (
    <section class="card" aria-labelledby="collect">
      <h2 id="collect">What is collected</h2>
      <p class="hint">Norms of activations always are; the rest takes more room and time.</p>
      {Object.entries(COLLECTED).map(([name, what]) => (
        <Check
          key={name}
          label={what}
          checked={collect.includes(name)}
          onChecked={(wanted) => change({ collect: wanted ? [...collect, name] : collect.filter((one) => one !== name) })}
        />
      ))}
    </section>
  );
}

const METRICS: readonly Choice[] = [
  ["", "what suits the rows"],
  ["perplexity", "perplexity of running text"],
  ["answers", "answers word for word"],
  ["choices", "right choices"],
];

/** How an evaluation measures. */
export function MeasureCard({ draft, change, models }: CardProps & { readonly models: readonly Choice[] }): JSX.Element {
  return (
    <section class="card" aria-labelledby="measure">
      <h2 id="measure">Measurement</h2>
      <SelectField name="metric" label="Metric" choices={METRICS} value={draft.metric} onValue={(metric) => change({ metric })} />
      <SelectField
        name="against"
        label="Distance from another model"
        choices={[["", "no: measure the model itself"], ...models]}
        value={draft.against}
        onValue={(against) => change({ against })}
        hint="such as the dense one: how far what it says is from what the other says"
      />
    </section>
  );
}

const PACKING: readonly Choice[] = [
  ["", "default: text is packed, task rows are not"],
  ["true", "rows are joined into full sequences"],
  ["false", "every row is a sequence of its own"],
];
const MODES: readonly Choice[] = [
  ["", "default: what suits the method"],
  ["block", "block: pruned blocks"],
  ["linear", "linear: pruned layers"],
  ["none", "none: the dense model"],
];

/** What is seldom changed. */
export function AdvancedCard({ draft, change }: CardProps): JSX.Element {
  const { kind } = draft;
  const text = (name: keyof Draft & string, label: string, placeholder: string, hint?: string): JSX.Element => (
    <TextField
      name={name}
      label={label}
      placeholder={placeholder}
      hint={hint}
      value={String(draft[name])}
      onValue={(value) => change({ [name]: value })}
      numeric
    />
  );
  const measures = kind === "compare" || (kind === "prune" && draft.evaluate.length > 0);
  const reads = kind !== "eval" && (kind !== "prune" || draft.stats === "");
  return (
    <details class="card">
      <summary>
        <h2>Advanced</h2>
      </summary>
      <div class="grid">
        {reads && text("samples", "Samples", "128", "sequences a role")}
        {kind === "eval" && text("samples", "Samples", "all", "windows or rows at most")}
        {(reads || kind === "eval") && text("seqLen", "Sequence length", "2048, or the model’s positions", "tokens")}
        {reads && text("promptWeight", "Prompt weight", "1", "what a prompt’s tokens count against an answer’s")}
        {reads && text("seed", "Seed", "0", "of every random choice")}
        {measures && text("evaluateSamples", "Evaluation samples", "128", "windows or rows of each at most")}
        {measures && text("evaluateSeqLen", "Evaluation sequence length", "as a sequence", "tokens a window of text")}
        {(measures || kind === "eval") && text("evaluateMaxTokens", "Answer tokens", "as a row says, else 256", "0 decodes none")}
        {reads && (
          <SelectField
            name="pack"
            label="Packing"
            choices={PACKING}
            value={draft.pack}
            onValue={(pack) => change({ pack: pack as Draft["pack"] })} // one of the choices
          />
        )}
        {kind === "prune" && reads && (
          <SelectField
            name="propagate"
            label="What data passes before a layer"
            choices={MODES}
            value={draft.propagate}
            onValue={(propagate) => change({ propagate })}
          />
        )}
        {kind !== "eval" && (
          <>
            <TextField
              name="include"
              label="Only these tensors"
              hint="globs of names, one a line"
              value={draft.include}
              onValue={(include) => change({ include })}
              rows={2}
            />
            <TextField
              name="exclude"
              label="Not these tensors"
              hint="globs of names, one a line"
              value={draft.exclude}
              onValue={(exclude) => change({ exclude })}
              rows={2}
            />
          </>
        )}
      </div>
      {reads && <Check label="Draw rows at random, by the seed" checked={draft.shuffle} onChecked={(shuffle) => change({ shuffle })} />}
      <PluginFields name="backend" label="Backend: what computes" value={draft.backend} onValue={(backend) => change({ backend })} />
    </details>
  );
}
