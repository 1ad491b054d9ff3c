import { SecateurError } from "@secateur/kit";
import type { DataSource, MeasureInput, RecipeInput } from "@secateur/pipeline";
import type { Command } from "commander";
import * as flags from "../flags.ts";

/** The flags that say how rows are read, as they are parsed; what was not given is absent. */
export interface ReadingFlags {
  readonly field?: readonly flags.FieldFlag[];
  readonly template?: readonly string[];
  readonly taskTemplate?: readonly string[];
}

/** The flags that say what data is read and how, as they are parsed; what was not given is absent. */
export interface DataFlags extends ReadingFlags {
  readonly general?: readonly string[];
  readonly task?: readonly flags.NamedSource[];
  readonly samples?: number;
  readonly seqLen?: number;
  readonly seed?: number;
  readonly pack?: boolean;
  readonly promptWeight?: number;
  readonly shuffle?: boolean;
}

/** The flags of what is pruned, and for whom. */
export interface TargetFlags {
  readonly weight?: readonly (readonly [string, number])[];
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
}

/** The flags that say what computes. */
export interface EngineFlags {
  readonly backend?: string;
  readonly backendOption?: readonly (readonly [string, string])[];
  readonly threads?: number;
  readonly compute?: "f32" | "bf16" | "auto";
}

/** Adds the flags of `DataFlags` to a command. */
export function addDataFlags(command: Command): Command {
  const made = command
    .optionsGroup("Data (.txt, .jsonl, .csv, .tsv, also as .gz; .parquet):")
    .option("--general <file>", "general text: what the model should still do (repeatable)", flags.repeated(flags.text("--general")))
    .option(
      "--task <[name=]file>",
      "a task's data; named after the file when no name is given (repeatable)",
      flags.repeated(flags.namedSource),
    )
    .option("--samples <n>", "sequences a role (default: 128)", flags.wholeNumber("--samples", 1))
    .option("--seq-len <n>", "tokens a sequence (default: 2048, or the model's positions)", flags.wholeNumber("--seq-len", 2));
  return addReadingFlags(made)
    .option("--pack", "join rows into full sequences (default: text only)")
    .option("--no-pack", "every row is a sequence of its own")
    .option("--prompt-weight <share>", "what a prompt's tokens count against an answer's (default: 1)", flags.share("--prompt-weight"))
    .option("--shuffle", "draw rows at random instead of in the file's order")
    .option("--seed <n>", "of every random choice (default: 0)", flags.wholeNumber("--seed", 0));
}

/** Adds the flags of how rows are read to a command. */
export function addReadingFlags(command: Command): Command {
  return command
    .option(
      "--field <[role:]key=column>",
      "which column holds text, prompt, answer … (repeatable; default: of the tasks)",
      flags.repeated(flags.field),
    )
    .option(
      "--template <[role=]text>",
      "a row as text with {column} places, ||| before the answer (repeatable)",
      flags.repeated(flags.text("--template")),
    )
    .option(
      "--task-template <[role=]name>",
      "how a known data set is read: gsm8k, arc, mmlu, pubmedqa, mbpp, lambada, spider, or a JSON file (repeatable)",
      flags.repeated(flags.taskTemplate),
    );
}

/** Adds the flag of the roles' weights to a command. */
export function addWeightFlag(command: Command): Command {
  return command.option(
    "--weight <name=share>",
    "how much a role counts, from 0 to 1; the others share the rest (repeatable)",
    flags.repeated(flags.weight),
  );
}

/** Adds the flag of what repairs the weights that stay to a command. */
export function addSolverFlag(command: Command): Command {
  return command.option(
    "--solver <name>",
    "what repairs the weights that the scorer keeps, such as sparsegpt (default: none)",
    flags.text("--solver"),
  );
}

/** Adds the flags of the tensors that are pruned to a command. */
export function addTensorFlags(command: Command): Command {
  return command
    .option("--include <glob>", "prune only tensors with such names (repeatable)", flags.repeated(flags.text("--include")))
    .option("--exclude <glob>", "leave tensors with such names alone (repeatable)", flags.repeated(flags.text("--exclude")));
}

/** Adds the flags of `EngineFlags` to a command. */
export function addEngineFlags(command: Command): Command {
  return command
    .option("--backend <name>", "what computes (default: onnxruntime)", flags.text("--backend"))
    .option("--backend-option <key=value>", "an option of the backend (repeatable)", flags.repeated(flags.keyValue("--backend-option")))
    .option(
      "--compute <precision>",
      "products in f32, bf16, or auto: what is fastest here and costs no quality (default: auto)",
      flags.oneOf("--compute", ["f32", "bf16", "auto"]),
    )
    .option("--threads <n>", "threads of the backend; 0 takes one a core (default: 0)", flags.wholeNumber("--threads", 0));
}

/** The flags of what results are measured on, as they are parsed; what was not given is absent. */
export interface MeasureFlags {
  readonly eval?: readonly flags.NamedSource[];
  readonly evalSamples?: number;
  readonly evalSeqLen?: number;
  readonly maxTokens?: number;
}

/** Adds the flags of `MeasureFlags` to a command. */
export function addMeasureFlags(command: Command, unless: string): Command {
  return addMaxTokensFlag(
    command
      .optionsGroup("What the results are measured on:")
      .option(
        "--eval <[name=]file>",
        `data to measure a role with, or other data (repeatable; default: ${unless})`,
        flags.repeated(flags.namedSource),
      )
      .option("--eval-samples <n>", "windows or rows of each at most (default: 128)", flags.wholeNumber("--eval-samples", 2))
      .option("--eval-seq-len <n>", "tokens a window of text (default: --seq-len)", flags.wholeNumber("--eval-seq-len", 2)),
  );
}

/** The data to measure with by name, and how far it is measured on. */
export function measureOf(given: DataFlags & MeasureFlags): MeasureInput {
  const { evalSamples, evalSeqLen, maxTokens } = given;
  const reading = readingOf(given);
  return {
    evaluate: namedSources(given.eval).map((one) => ({ ...one, ...reading(one.name) })),
    evaluateSamples: evalSamples ?? 128,
    evaluateSeqLen: evalSeqLen,
    evaluateMaxTokens: maxTokens,
  };
}

/** Sources by the names given or those of the files. */
export function namedSources(sources: readonly flags.NamedSource[] = []): { readonly name: string; readonly source: string }[] {
  return sources.map(({ name, source }) => ({ name: name ?? flags.taskName(source), source }));
}

/** Adds the flag of how much of an answer is decoded to a command. */
export function addMaxTokensFlag(command: Command): Command {
  return command.option(
    "--max-tokens <n>",
    "tokens of an answer at most, for rows that say how it ends or what counts of it; 0 decodes none (default: as a row says, else 256)",
    flags.wholeNumber("--max-tokens", 0),
  );
}

/** Adds the flag of the memory that hidden states may take. */
export function addMemoryFlag(command: Command): Command {
  return command.option(
    "--memory <size>",
    "hidden states past this go to a scratch file beside the output, such as 2GiB (default: half of the machine's)",
    flags.byteSize("--memory"),
  );
}

/** What data a recipe reads, by these flags. Throws SecateurError `usage` for a field or template of no role. */
export function dataOf(
  given: DataFlags & Pick<MeasureFlags, "eval">,
): Pick<RecipeInput, "general" | "tasks" | "samples" | "seqLen" | "seed" | "pack" | "promptWeight" | "shuffle"> {
  const { general = [], task = [], samples, seqLen, seed, pack, promptWeight, shuffle } = given;
  const tasks = namedSources(task);
  const reading = readingOf(given);
  return {
    general: general.map((source) => ({ source, ...reading("general") })),
    tasks: tasks.map((one) => ({ ...one, ...reading(one.name) })),
    samples,
    seqLen,
    seed,
    pack,
    promptWeight,
    shuffle,
  };
}

/** A backend's options from its flags. Throws SecateurError `usage` when one is said twice. */
export function backendOptions({ backendOption = [], threads, compute }: EngineFlags): Record<string, unknown> {
  const options: Record<string, unknown> = Object.fromEntries(backendOption);
  for (const [key, value] of Object.entries({ threads, compute })) {
    if (value === undefined) continue;
    if (Object.hasOwn(options, key))
      throw new SecateurError("usage", `${key} is given twice, by --${key} and by --backend-option: give one`);
    options[key] = value;
  }
  return options;
}

/** How the rows of each role, and of what else is measured on, are read. What names no role is of all but the general text; of that too when there is no task. */
export function readingOf({
  task = [],
  eval: measured,
  field = [],
  template = [],
  taskTemplate = [],
}: ReadingFlags & Pick<DataFlags, "task"> & Pick<MeasureFlags, "eval">): (role: string) => Omit<DataSource, "source"> {
  const names = ["general", ...[...namedSources(task), ...namedSources(measured)].map(({ name }) => name)];
  const roles = [...new Set(names)];
  const templates = [...template, ...taskTemplate].map((value) => flags.template(value, roles));
  const unknown = field.find(({ role }) => role !== undefined && !roles.includes(role));
  if (unknown)
    throw new SecateurError(
      "usage",
      `--field ${unknown.role}:${unknown.key}=${unknown.column}: no role is called ${unknown.role}; roles are ${roles.join(", ")}`,
    );
  const isDefault = (role: string): boolean => task.length === 0 || role !== "general";
  const concerns = (role: string) => (one: { readonly role: string | undefined }) =>
    one.role === undefined ? isDefault(role) : one.role === role;
  return (role) => {
    const fields = field.filter(concerns(role)).map(({ key, column }) => [key, column] as const);
    const own = templates.filter(({ role: named }) => named === role);
    const found = own.length > 0 ? own : templates.filter(concerns(role));
    if (found.length > 1) throw new SecateurError("usage", `two templates are given for ${role}: give one`);
    return { ...(fields.length > 0 && { fields: Object.fromEntries(fields) }), ...(found[0] && { template: found[0].template }) };
  };
}
