import { existsSync } from "node:fs";
import { SecateurError } from "@secateur/kit";
import type { DataSource, RecipeInput } from "@secateur/pipeline";
import type { Command } from "commander";
import { runEngine } from "../engine/client.ts";
import type { PruneOutcome, PruneRequest } from "../engine/messages.ts";
import { CommandError } from "../errors.ts";
import * as flags from "../flags.ts";
import { planText } from "../render/plan.ts";
import { createProgress } from "../render/progress.ts";
import { followPrune } from "../render/prune-events.ts";
import { prunedText } from "../render/pruned.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

/** The flags of `prune` as they are parsed; what was not given is absent. */
export interface PruneFlags {
  readonly out?: string;
  readonly general?: readonly string[];
  readonly task?: readonly flags.NamedSource[];
  readonly scorer?: string;
  readonly fusion?: string;
  readonly sparsity?: number;
  readonly pattern?: { readonly keep: number; readonly of: number };
  readonly samples?: number;
  readonly seqLen?: number;
  readonly seed?: number;
  readonly propagate?: "block" | "linear" | "none";
  readonly memory?: number;
  readonly backend?: string;
  readonly scorerOption?: readonly (readonly [string, string])[];
  readonly fusionOption?: readonly (readonly [string, string])[];
  readonly backendOption?: readonly (readonly [string, string])[];
  readonly weight?: readonly (readonly [string, number])[];
  readonly include?: readonly string[];
  readonly exclude?: readonly string[];
  readonly field?: readonly flags.FieldFlag[];
  readonly template?: readonly string[];
  readonly pack?: boolean;
  readonly promptWeight?: number;
  readonly shuffle?: boolean;
  readonly threads?: number;
  readonly restart?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly force?: boolean;
}

const EXAMPLES: readonly Example[] = [
  [
    "half of the weights, by what general text and one task need",
    "secateur prune ./model --general c4.jsonl --task math=gsm8k.jsonl --sparsity 0.5 --out ./pruned",
  ],
  [
    "2 of every 4 weights stay, for hardware that is fast on this pattern",
    "secateur prune ./model --general c4.jsonl --pattern 2:4 --out ./pruned",
  ],
  ["by the weights alone: no data, seconds", "secateur prune ./model --scorer magnitude --sparsity 0.3 --out ./pruned"],
  [
    "rows in other columns: MBPP's text and code",
    "secateur prune ./model --general c4.jsonl --task code=mbpp.jsonl --template '{text}|||{code}' --sparsity 0.5 --out ./pruned",
  ],
  ["what it would cost; nothing is written", "secateur prune ./model --general c4.jsonl --sparsity 0.5 --dry-run"],
];

/** `secateur prune`: from a model and data to a pruned model. */
export function pruneCommand(context: CommandContext): Command {
  return command("prune", "prune a model for a task", EXAMPLES)
    .description(
      "Prunes a model: finds the weights that general text and your tasks need least, sets them to zero, and writes the model to a new folder. An interrupted run goes on where it stopped.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights")
    .optionsGroup("How much:")
    .option("--sparsity <share>", "share of the weights to prune, such as 0.5", flags.sparsity)
    .option("--pattern <keep:of>", "keep KEEP of every OF weights, such as 2:4", flags.pattern)
    .optionsGroup("Data (.txt, .jsonl, either also as .gz):")
    .option("--general <file>", "general text: what the model should still do (repeatable)", flags.repeated(flags.text("--general")))
    .option(
      "--task <[name=]file>",
      "a task's data; named after the file when no name is given (repeatable)",
      flags.repeated(flags.namedSource),
    )
    .option(
      "--weight <name=share>",
      "how much a role counts, from 0 to 1; the others share the rest (repeatable)",
      flags.repeated(flags.weight),
    )
    .option("--samples <n>", "sequences a role (default: 128)", flags.wholeNumber("--samples", 1))
    .option("--seq-len <n>", "tokens a sequence (default: 2048, or the model's positions)", flags.wholeNumber("--seq-len", 2))
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
    .option("--pack", "join rows into full sequences (default: text only)")
    .option("--no-pack", "every row is a sequence of its own")
    .option("--prompt-weight <share>", "what a prompt's tokens count against an answer's (default: 1)", flags.share("--prompt-weight"))
    .option("--shuffle", "draw rows at random instead of in the file's order")
    .option("--seed <n>", "of every random choice (default: 0)", flags.wholeNumber("--seed", 0))
    .optionsGroup("Method (`secateur plugins` lists names and options):")
    .option("--scorer <name>", "what a weight is worth (default: wanda)", flags.text("--scorer"))
    .option("--scorer-option <key=value>", "an option of the scorer (repeatable)", flags.repeated(flags.keyValue("--scorer-option")))
    .option(
      "--fusion <name>",
      "how the roles' scores become one (default: shared-exclusive with tasks, else general)",
      flags.text("--fusion"),
    )
    .option("--fusion-option <key=value>", "an option of the fusion (repeatable)", flags.repeated(flags.keyValue("--fusion-option")))
    .option(
      "--propagate <mode>",
      "data passes pruned blocks (block), pruned layers (linear) or dense ones (none) before it is looked at (default: block)",
      flags.oneOf("--propagate", ["block", "linear", "none"]),
    )
    .option("--include <glob>", "prune only tensors with such names (repeatable)", flags.repeated(flags.text("--include")))
    .option("--exclude <glob>", "leave tensors with such names alone (repeatable)", flags.repeated(flags.text("--exclude")))
    .optionsGroup("Engine:")
    .option("--backend <name>", "what computes (default: onnxruntime)", flags.text("--backend"))
    .option("--backend-option <key=value>", "an option of the backend (repeatable)", flags.repeated(flags.keyValue("--backend-option")))
    .option("--threads <n>", "threads of the backend; 0 takes one a core (default: 0)", flags.wholeNumber("--threads", 0))
    .option(
      "--memory <size>",
      "hidden states past this go to a scratch file in OUT.partial, such as 2GiB (default: half of the machine's)",
      flags.byteSize("--memory"),
    )
    .optionsGroup("Output:")
    .option("--out <dir>", "folder for the pruned model", flags.text("--out"))
    .option("--force", "replace --out when it is there")
    .option("--restart", "discard an interrupted run instead of going on with it")
    .option("--dry-run", "check everything and print the plan, write nothing")
    .option("--json", "print one JSON document instead of text")
    .action(async (model: string, given: PruneFlags) =>
      runPruneCommand(pruneRequest(model, given, context.version), given.json === true, context),
    );
}

/** What the flags ask for. Throws SecateurError `usage` for flags that do not go together. */
export function pruneRequest(model: string, given: PruneFlags, version: string): PruneRequest {
  const dryRun = given.dryRun === true;
  if (given.out === undefined && !dryRun) {
    throw new SecateurError("usage", "--out is missing: name a folder for the pruned model, or give --dry-run to see the plan only");
  }
  if (given.sparsity !== undefined && given.pattern !== undefined)
    throw new SecateurError("usage", "--sparsity and --pattern exclude each other: give one");
  if (given.sparsity === undefined && given.pattern === undefined) {
    throw new SecateurError("usage", "how much to prune is not said: give --sparsity, such as 0.5, or --pattern, such as 2:4");
  }
  const {
    general = [],
    task = [],
    samples,
    seqLen,
    seed,
    propagate,
    pack,
    promptWeight,
    shuffle,
    include,
    exclude,
    scorer,
    fusion,
    backend,
  } = given;
  const tasks = task.map(({ name, source }) => ({ name: name ?? flags.taskName(source), source }));
  const reading = readingOf(given, tasks.length > 0 ? ["general", ...tasks.map(({ name }) => name)] : ["general"]);
  const recipe: RecipeInput = {
    model,
    general: general.map((source) => ({ source, ...reading("general") })),
    tasks: tasks.map((one) => ({ ...one, ...reading(one.name) })),
    weights: Object.fromEntries(given.weight ?? []),
    scorer,
    scorerOptions: Object.fromEntries(given.scorerOption ?? []),
    fusion,
    fusionOptions: Object.fromEntries(given.fusionOption ?? []),
    backend,
    backendOptions: backendOptions(given),
    sparsity: given.sparsity,
    pattern: given.pattern,
    samples,
    seqLen,
    pack,
    promptWeight,
    shuffle,
    seed,
    propagate,
    include,
    exclude,
  };
  const { out, force = false, restart = false, memory } = given;
  return { recipe, out, force, restart, dryRun, version, memoryBytes: memory };
}

/** A backend's options from its flags. Throws SecateurError `usage` when threads are said twice. */
export function backendOptions(given: Pick<PruneFlags, "backendOption" | "threads">): Record<string, unknown> {
  const options = Object.fromEntries(given.backendOption ?? []);
  if (given.threads === undefined) return options;
  if (Object.hasOwn(options, "threads"))
    throw new SecateurError("usage", "threads are given twice, by --threads and by --backend-option: give one");
  return { ...options, threads: given.threads };
}

/** How each role's rows are read. Without a role, a field or template is the tasks'; the general text's when there are none. */
function readingOf({ field = [], template = [] }: PruneFlags, roles: readonly string[]): (role: string) => Omit<DataSource, "source"> {
  const templates = template.map((value) => flags.template(value, roles));
  const unknown = field.find(({ role }) => role !== undefined && !roles.includes(role));
  if (unknown)
    throw new SecateurError(
      "usage",
      `--field ${unknown.role}:${unknown.key}=${unknown.column}: no role is called ${unknown.role}; roles are ${roles.join(", ")}`,
    );
  const isDefault = (role: string): boolean => roles.length === 1 || role !== "general";
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

async function runPruneCommand(request: PruneRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const started = performance.now();
  const view = createProgress(terminal.err);
  const run = followPrune(view);
  let partial: string | undefined;
  let outcome: PruneOutcome;
  try {
    outcome = await runEngine("prune", request, {
      onEvent(event) {
        if (event.type === "partial") partial = event.folder;
        else run.follow(event);
      },
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
  } catch (error) {
    throw partial !== undefined && existsSync(partial) ? withWayOn(error, partial) : error;
  } finally {
    view.stop();
  }
  const { plan, sparsity } = outcome;
  if (sparsity === undefined || request.out === undefined) {
    if (json) printJson(terminal.out, { plan });
    else terminal.out.write(planText(plan));
    return;
  }
  const seconds = (performance.now() - started) / 1000;
  const pruned = { out: request.out, plan, sparsity, seconds, tokensPerSecond: run.tokensPerSecond() };
  if (json) printJson(terminal.out, pruned);
  else terminal.out.write(prunedText(pruned, terminal.colors));
}

/** Says how to go on: work that was done is kept. */
function withWayOn(error: unknown, partial: string): unknown {
  if (!(error instanceof CommandError) || error.code === "exists" || !existsSync(partial)) return error;
  const { code, message, where, stack } = error;
  const hint = `${partial} is kept: the same command goes on from there, with --restart it begins anew`;
  return new CommandError({ code, message, where, stack }, [...error.hints, hint]);
}
