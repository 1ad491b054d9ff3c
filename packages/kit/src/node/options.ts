import type { Plugin } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import type { SchemaIssue } from "../schema.ts";
import { nearestName } from "./spelling.ts";

/** One option of a plugin, for help texts and forms. */
export interface OptionDescription {
  readonly name: string;
  /** Such as `number`, `"sum" | "max"`, `string[]` or `number | null`. */
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description?: string;
  /** The values that the option may have, where they are a list. */
  readonly enum?: readonly unknown[];
  /** The least and the largest number that the option may be; the exclusive ones are just outside. */
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
}

/** What stands for the name of an option that a user names, such as a glob. */
const ANY_NAME = "…";

/**
 * The options of a plugin in the order of its schema, and one called `…` where it takes names of the user's own; none when the schema cannot give
 * its JSON Schema.
 */
export function describeOptions(plugin: Pick<Plugin<string, unknown, unknown>, "options">): OptionDescription[] {
  const root = jsonSchemaOf(plugin);
  const named = describeNamed(root);
  const { additionalProperties: others, description } = root ?? {};
  if (typeof others !== "object" || others === null) return named;
  return [
    ...named,
    { name: ANY_NAME, type: typeOf(others, root as JsonSchema), required: false, ...(description !== undefined && { description }) },
  ];
}

function describeNamed(root: JsonSchema | undefined): OptionDescription[] {
  return Object.entries(root?.properties ?? {}).map(([name, given]) => {
    const schema = followReference(given, root as JsonSchema);
    const description = given.description ?? schema.description;
    return {
      name,
      type: typeOf(schema, root as JsonSchema),
      required: root?.required?.includes(name) ?? false,
      ...("default" in given && { default: given.default }),
      ...(description !== undefined && { description }),
      ...(schema.enum !== undefined && { enum: schema.enum }),
      ...boundsOf(schema),
    };
  });
}

const BOUNDS = ["minimum", "exclusiveMinimum", "maximum", "exclusiveMaximum"] as const;

/** The bounds of a number, but for those of all whole numbers that are exact. */
function boundsOf(schema: JsonSchema): Pick<OptionDescription, (typeof BOUNDS)[number]> {
  const said = BOUNDS.flatMap((name) => {
    const bound = schema[name];
    return bound === undefined || Math.abs(bound) === Number.MAX_SAFE_INTEGER ? [] : [[name, bound] as const];
  });
  return Object.fromEntries(said);
}

/**
 * A plugin's options from what a user gave, with defaults filled in. Throws SecateurError `usage` that names the plugin, each option that is wrong and the
 * options that there are; also for a name that the schema does not know, unless its JSON Schema allows others.
 */
export async function parseOptions<Options>(
  plugin: Plugin<string, Options, unknown>,
  given: Readonly<Record<string, unknown>>,
): Promise<Options> {
  refuseUnknown(plugin, given);
  const result = await plugin.options["~standard"].validate(given);
  if (result.issues === undefined) return result.value;
  throw optionError(plugin, result.issues.map(describeIssue));
}

/** Schema libraries drop names that they do not know, and a misspelt option would then silently do nothing. */
function refuseUnknown(plugin: Plugin<string, unknown, unknown>, given: Readonly<Record<string, unknown>>): void {
  const schema = jsonSchemaOf(plugin);
  if (schema?.properties === undefined || (schema.additionalProperties ?? false) !== false) return;
  const known = Object.keys(schema.properties);
  const unknown = Object.keys(given).filter((name) => !known.includes(name));
  if (unknown.length === 0) return;
  const complaints = unknown.map((name) => {
    const nearest = nearestName(name, known);
    return `no option is called "${name}"${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`;
  });
  throw optionError(plugin, complaints);
}

function optionError(plugin: Plugin<string, unknown, unknown>, complaints: readonly string[]): SecateurError {
  const options = describeOptions(plugin).map((option) => {
    const rest = option.required ? ", required" : option.default === undefined ? "" : `, default ${JSON.stringify(option.default)}`;
    return `${option.name} (${option.type}${rest})`;
  });
  const known =
    options.length > 0 ? `; its options are ${options.join(", ")}` : jsonSchemaOf(plugin)?.properties ? "; it has no options" : "";
  return new SecateurError("usage", `${plugin.kind} "${plugin.name}": ${complaints.join("; ")}${known}`);
}

function describeIssue({ message, path = [] }: SchemaIssue): string {
  const keys = path.map((part) => (typeof part === "object" ? part.key : part));
  return keys.length === 0 ? message : `option "${keys.map(String).join(".")}": ${message}`;
}

/** What is read of a JSON Schema. */
interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: boolean | JsonSchema | null;
  readonly required?: readonly string[];
  readonly default?: unknown;
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly exclusiveMinimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly items?: JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly oneOf?: readonly JsonSchema[];
  readonly $ref?: string;
  readonly $defs?: Readonly<Record<string, JsonSchema>>;
}

function jsonSchemaOf(plugin: Pick<Plugin<string, unknown, unknown>, "options">): JsonSchema | undefined {
  return plugin.options.toJSONSchema?.({ io: "input" }); // what a user writes: an option with a default may be left out
}

function followReference(schema: JsonSchema, root: JsonSchema): JsonSchema {
  const name = schema.$ref?.match(/^#\/\$defs\/(.+)$/)?.[1];
  return (name === undefined ? undefined : root.$defs?.[name]) ?? schema;
}

function typeOf(given: JsonSchema, root: JsonSchema): string {
  const schema = followReference(given, root);
  const values = schema.enum ?? ("const" in schema ? [schema.const] : undefined);
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(" | ");
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map((choice) => typeOf(choice, root)).join(" | ");
  if (schema.type === "array") {
    const item = schema.items === undefined ? "any" : typeOf(schema.items, root);
    return item.includes(" ") ? `(${item})[]` : `${item}[]`;
  }
  return schema.type === undefined ? "any" : [schema.type].flat().join(" | ");
}
