import type { JSX } from "preact";
import type { PluginDraft } from "../forms/draft.ts";
import { ANY_NAME, askedOptions, controlOf, type Option } from "../forms/options.ts";
import { KIND_OF } from "../forms/request.ts";
import { useShared } from "./context.ts";
import { type Choice, SelectField, TextField } from "./field.tsx";

interface PluginFieldsProps {
  /** The recipe's key. */
  readonly name: keyof typeof KIND_OF;
  readonly label: string;
  /** What no plugin is called; left out where one has to be. */
  readonly none?: string;
  readonly value: PluginDraft;
  readonly onValue: (value: PluginDraft) => void;
}

/** A plugin and its options, as its schema asks for them. */
export function PluginFields({ name, label, none, value, onValue }: PluginFieldsProps): JSX.Element {
  const { plugins } = useShared();
  const usable = (plugins[KIND_OF[name]] ?? []).filter(
    ({ problem, solver }) => problem === undefined && !(name === "solver" && solver === false),
  );
  const plugin = usable.find((one) => one.name === value.name);
  const options = plugin ? askedOptions(plugin) : [];
  const choices: Choice[] = [...(none === undefined ? [] : [["", none] as const]), ...usable.map((one): Choice => [one.name, one.name])];
  const change = (option: string, text: string): void => onValue({ ...value, options: { ...value.options, [option]: text } });
  return (
    <div class="plugin">
      <SelectField
        name={name}
        label={label}
        hint={plugin?.summary}
        choices={choices}
        value={value.name}
        onValue={(next) => onValue({ name: next, options: {} })}
      />
      {options.length > 0 && (
        <details open={options.some((option) => option.required || (value.options[option.name] ?? "") !== "")}>
          <summary>Options of {value.name}</summary>
          <div class="grid">
            {options.map((option) => (
              <OptionField
                key={`${value.name} ${option.name}`}
                name={`${name}Options.${option.name}`}
                option={option}
                value={value.options[option.name] ?? ""}
                onValue={(text) => change(option.name, text)}
              />
            ))}
          </div>
        </details>
      )}
    </div>
  );
}

interface OptionFieldProps {
  readonly name: string;
  readonly option: Option;
  readonly value: string;
  readonly onValue: (value: string) => void;
}

function OptionField({ name, option, value, onValue }: OptionFieldProps): JSX.Element {
  const { kind, choices, placeholder } = controlOf(option);
  const pairs = kind === "pairs";
  const field = { name, label: pairs ? "Own names, NAME=VALUE a line" : option.name, hint: option.description, value, onValue };
  if (kind !== "choice") {
    const rows = option.name === ANY_NAME ? { rows: 3 } : {};
    return <TextField {...field} {...rows} numeric={kind === "number"} placeholder={pairs ? undefined : placeholder} />;
  }
  const fallback: Choice[] = option.required
    ? [["", "choose …"]]
    : [["", option.default === undefined ? "default" : `default: ${placeholder}`]];
  return <SelectField {...field} choices={[...fallback, ...choices.map((one): Choice => [one, one])]} />;
}
