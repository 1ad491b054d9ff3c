import { type ComponentChildren, type Context, createContext, type JSX } from "preact";
import { useContext } from "preact/hooks";

/** Field → what is wrong with it; empty where nothing is shown yet. */
export const ProblemsContext: Context<ReadonlyMap<string, string>> = createContext<ReadonlyMap<string, string>>(new Map());

interface FieldProps {
  /** The key of a recipe, by which problems are told. */
  readonly name: string;
  readonly label: string;
  readonly hint?: string | undefined;
  /** Where the label is only for those who do not see where the field stands. */
  readonly quiet?: boolean;
}

interface Described {
  readonly id: string;
  readonly "aria-describedby"?: string;
  readonly "aria-invalid"?: boolean;
}

/** A control with its label, its hint and what is wrong with it. */
export function Field(props: FieldProps & { readonly control: (described: Described) => ComponentChildren }): JSX.Element {
  const { name, label, hint, quiet = false, control } = props;
  const problem = useContext(ProblemsContext).get(name);
  const id = `field-${name}`;
  const notes = [hint === undefined ? [] : `${id}-hint`, problem === undefined ? [] : `${id}-problem`].flat();
  const described: Described = {
    id,
    ...(notes.length > 0 && { "aria-describedby": notes.join(" ") }),
    ...(problem !== undefined && { "aria-invalid": true }),
  };
  return (
    <div class="field">
      <label for={id} class={quiet ? "hidden" : undefined}>
        {label}
      </label>
      {control(described)}
      {hint !== undefined && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
      {problem !== undefined && (
        <p class="problem" id={`${id}-problem`}>
          {problem}
        </p>
      )}
    </div>
  );
}

/** What is wrong with a part of the form that has no control of its own. */
export function FieldProblem({ name }: { readonly name: string }): JSX.Element | null {
  const problem = useContext(ProblemsContext).get(name);
  if (problem === undefined) return null;
  return (
    <p class="problem" id={`field-${name}`} tabIndex={-1}>
      {problem}
    </p>
  );
}

interface TextProps extends FieldProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly placeholder?: string | undefined;
  readonly numeric?: boolean;
  /** So many lines. */
  readonly rows?: number;
}

/** A text or a number. */
export function TextField({ value, onValue, placeholder, numeric = false, rows, ...field }: TextProps): JSX.Element {
  const shared = { value, placeholder, autocomplete: "off", spellcheck: false } as const;
  return (
    <Field
      {...field}
      control={(described) =>
        rows === undefined ? (
          <input
            {...described}
            {...shared}
            type="text"
            inputMode={numeric ? "decimal" : undefined}
            onInput={(event) => onValue(event.currentTarget.value)}
          />
        ) : (
          <textarea {...described} {...shared} rows={rows} onInput={(event) => onValue(event.currentTarget.value)} />
        )
      }
    />
  );
}

/** A choice: the value that is sent, and what is read. */
export type Choice = readonly [value: string, text: string];

interface SelectProps extends FieldProps {
  readonly value: string;
  readonly onValue: (value: string) => void;
  readonly choices: readonly Choice[];
}

/** One of several values. */
export function SelectField({ value, onValue, choices, ...field }: SelectProps): JSX.Element {
  return (
    <Field
      {...field}
      control={(described) => (
        <select {...described} value={value} onChange={(event) => onValue(event.currentTarget.value)}>
          {choices.map(([one, text]) => (
            <option key={one} value={one} selected={one === value}>
              {text}
            </option>
          ))}
        </select>
      )}
    />
  );
}

/** Yes or no. */
export function Check(props: {
  readonly label: string;
  readonly checked: boolean;
  readonly onChecked: (checked: boolean) => void;
}): JSX.Element {
  const { label, checked, onChecked } = props;
  return (
    <label class="check">
      <input type="checkbox" checked={checked} onChange={(event) => onChecked(event.currentTarget.checked)} />
      <span>{label}</span>
    </label>
  );
}
