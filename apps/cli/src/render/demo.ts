import { join } from "node:path";
import type { DemoResult } from "@secateur/engine";
import { grouped, humanBytes, humanDuration, percent, shellQuoted } from "@secateur/report/text";
import { invocation } from "../invocation.ts";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

// The model's documents begin after an end token, which the demo puts before each prompt.
const AS_MEASURED = "--template '<|end|>{prompt}|||{answer}'";

/** The demo's table and what to do next. */
export function demoText(result: DemoResult, seconds: number, colors: Colors): string {
  const skills = Object.keys(result.rows[0]?.skills ?? {});
  const header = ["", "block weights kept", "packed size", "English perplexity", ...skills];
  const rows = result.rows.map(({ label, kept, packedBytes, perplexity, skills: found }) => [
    label,
    grouped(kept),
    humanBytes(packedBytes),
    perplexity.toFixed(1),
    ...skills.map((skill) => percent(found[skill] ?? 0)),
  ]);
  const [first = "", ...rest] = table(
    [header, ...rows],
    header.map((_, c) => (c === 0 ? "left" : "right")),
  ).split("\n");
  const samples = Object.keys(result.rows[0]?.answers ?? {}).map((prompt) => {
    const answers = result.rows.map(({ label, answers: found }) => `${label}: ${found[prompt]?.trim() || "(nothing)"}`);
    return `  ${prompt}\n      ${answers.join("    ")}\n`;
  });
  return [
    `\n${colors.bold(first)}\n${rest.join("\n")}\n`,
    `Both pruned models have ${percent(result.sparsity)} zeros; the one on the last line was also told what its user does.\n`,
    `Skills: the share of ${result.evaluatedRows} held-out prompts with exactly the right answer. Perplexity (lower is better): chapters that the model never saw.\n`,
    "Packed size counts two bytes a weight that is kept and one bit a weight of the pruned layers; the folders themselves store the zeros.\n\n",
    `For example:\n${samples.join("")}\n`,
    `What was done to every layer of the task-aware model, as a page: ${join(result.pruned, "report.html")}\n\n`,
    `Done in ${humanDuration(seconds)}. Next:\n`,
    `  ${colors.cyan(`${invocation()} inspect ${shellQuoted(result.pruned)}`)}\n`,
    `  ${colors.cyan(`${invocation()} eval ${shellQuoted(result.pruned)} --data ${shellQuoted(result.data)} ${AS_MEASURED} --samples ${result.evaluatedRows}`)}\n`,
  ].join("");
}
