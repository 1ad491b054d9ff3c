import type { Command } from "commander";
import { backendsHere } from "../backends.ts";
import { flagsOf, problemsText, speedsText } from "../render/backends.ts";
import { createProgress } from "../render/progress.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["how fast each of them runs a block of SmolLM2-135M's sizes", "secateur bench-backends"],
  ["a block of your model's sizes", "secateur bench-backends ./model"],
];

/** `secateur bench-backends`: how fast each thing that may compute here is. */
export function benchBackendsCommand({ terminal }: CommandContext): Command {
  return command("bench-backends", "measure what computes fastest on this machine", EXAMPLES)
    .description(
      "Runs a block of a model with random weights on everything that may compute here, one after the other: 2 sequences of 512 tokens, the best of 5 runs (64 tokens where that takes long).",
    )
    .argument("[model]", "folder of a model whose block is run (default: SmolLM2-135M's sizes)")
    .option("--json", "print one JSON document instead of a table")
    .action(async (model: string | undefined, { json }: { readonly json?: boolean }) => {
      const view = createProgress(terminal.err);
      const states = await backendsHere({ model }, (state) => {
        if ("flopsPerSecond" in state) view.line(`measured ${flagsOf(state)}`);
      }).finally(() => view.stop());
      if (json) printJson(terminal.out, states);
      else terminal.out.write(benchText(states));
    });
}

function benchText(states: Awaited<ReturnType<typeof backendsHere>>): string {
  const problems = problemsText(states);
  const [best] = states
    .flatMap((state) => ("flopsPerSecond" in state ? [state] : []))
    .toSorted((a, b) => (b.flopsPerSecond as number) - (a.flopsPerSecond as number));
  const use = best ? `\n${flagsOf(best)} asks for the first.\n` : "";
  return `${speedsText(states)}${use}${problems && `\n${problems}`}`;
}
