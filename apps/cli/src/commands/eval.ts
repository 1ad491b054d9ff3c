import type { EvalRequest } from "@secateur/engine";
import type { MetricName } from "@secateur/evaluate";
import { SecateurError } from "@secateur/kit";
import type { Command } from "commander";
import * as flags from "../flags.ts";
import { evaluationText } from "../render/evaluation.ts";
import { createProgress } from "../render/progress.ts";
import { createRateMeter } from "../render/rate.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";
import { addEngineFlags, addMaxTokensFlag, backendOptions, type EngineFlags } from "./shared-flags.ts";

/** The flags of `eval` as they are parsed; what was not given is absent. */
interface EvalFlags extends EngineFlags {
  readonly data: string;
  readonly against?: string;
  readonly metric?: MetricName;
  readonly seqLen?: number;
  readonly samples?: number;
  readonly maxTokens?: number;
  readonly field?: readonly flags.FieldFlag[];
  readonly template?: string;
  readonly taskTemplate?: string;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  ["perplexity of a text", "secateur eval ./pruned --data wikitext.txt"],
  [
    "the first 32 windows of 512 tokens: quick, and enough to compare",
    "secateur eval ./pruned --data wikitext.jsonl --seq-len 512 --samples 32",
  ],
  [
    "how well it gives the answers word for word, for rows with prompt and answer",
    "secateur eval ./pruned --data gsm8k.jsonl --metric answers",
  ],
  ["how far a pruned model is from the dense one", "secateur eval ./pruned --data wikitext.txt --against ./SmolLM2-135M"],
  ["a data set as it is usually asked", "secateur eval ./pruned --data mmlu/test/anatomy_test.csv --task-template mmlu"],
  ["the value for a script", "secateur eval ./pruned --data wikitext.txt --json | jq .perplexity"],
];

/** `secateur eval`: how good a model is on some data. */
export function evalCommand(context: CommandContext): Command {
  const made = command("eval", "measure a model on data", EXAMPLES)
    .description(
      "Measures a model: the perplexity of running text, the share of exact answers for rows with prompt and answer, or the share of right choices for rows with question, choices and answer; or how far what it says is from what another model says, the mean KL(other ‖ model) and how often both find the same token the likeliest.",
    )
    .argument("<model>", "folder of a Hugging Face model with safetensors weights")
    .requiredOption("--data <file>", "what it is measured on: .txt, .jsonl, .csv, .tsv, also as .gz, or .parquet", flags.text("--data"))
    .option("--against <model>", "measure how far it is from this model instead, such as the dense one", flags.text("--against"))
    .option(
      "--metric <name>",
      "perplexity, answers or choices (default: by the rows)",
      flags.oneOf("--metric", ["perplexity", "answers", "choices"]),
    )
    .option("--seq-len <n>", "tokens a window (default: 2048, or the model's positions)", flags.wholeNumber("--seq-len", 2))
    .option("--samples <n>", "windows or rows at most (default: all)", flags.wholeNumber("--samples", 1))
    .option("--field <key=column>", "which column holds text, prompt, answer … (repeatable)", flags.repeated(flags.field))
    .option("--template <text>", "a row as text with {column} places, ||| before the answer", flags.text("--template"))
    .option(
      "--task-template <name>",
      "how a known data set is read: gsm8k, arc, mmlu, pubmedqa, mbpp, lambada, spider, or a JSON file",
      flags.taskTemplate,
    );
  return addEngineFlags(addMaxTokensFlag(made))
    .option("--json", "print one JSON document instead of text")
    .action(async (model: string, given: EvalFlags) => runEvalCommand(evalRequest(model, given), given.json === true, context));
}

/** What the flags ask for. Throws SecateurError `usage` for a field with a role, since there are none here, and for two templates. */
export function evalRequest(model: string, given: EvalFlags): EvalRequest {
  const fields = given.field ?? [];
  const odd = fields.find(({ role }) => role !== undefined);
  if (odd)
    throw new SecateurError(
      "usage",
      `--field ${odd.role}:${odd.key}=${odd.column}: eval reads one source and has no roles, write ${odd.key}=${odd.column}`,
    );
  if (given.template !== undefined && given.taskTemplate !== undefined)
    throw new SecateurError("usage", "--template and --task-template are given: give one");
  return {
    model,
    data: given.data,
    fields: Object.fromEntries(fields.map(({ key, column }) => [key, column])),
    template: given.template ?? given.taskTemplate,
    against: given.against,
    metric: given.metric,
    seqLen: given.seqLen,
    samples: given.samples,
    maxTokens: given.maxTokens,
    backend: given.backend ?? "onnxruntime",
    backendOptions: backendOptions(given),
  };
}

async function runEvalCommand(request: EvalRequest, json: boolean, { terminal }: CommandContext): Promise<void> {
  const view = createProgress(terminal.err);
  const rate = createRateMeter();
  try {
    const { backend, ...evaluation } = await runEngine("eval", request, {
      onEvent({ share }) {
        rate.add(100 * share, Date.now() / 1000);
        view.update({ label: "measuring", done: 100 * share, total: 100, unit: "%", perSecond: rate.perSecond() });
      },
      onStopping: () => view.line("stopping; Ctrl-C again ends it at once"),
    });
    view.stop();
    if (json) printJson(terminal.out, { ...evaluation, backend });
    else terminal.out.write(evaluationText(evaluation, backend, terminal.colors));
  } finally {
    view.stop();
  }
}
