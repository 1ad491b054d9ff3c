import { reportOf } from "@secateur/engine";
import type { Command } from "commander";
import { type BackendState, backendsHere } from "../backends.ts";
import { lookAtMachine } from "../machine.ts";
import { type Diagnosis, diagnosisText } from "../render/doctor.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";

const EXAMPLES: readonly Example[] = [
  ["what works here, and what would help where something does not", "secateur doctor"],
  ["the same, for a report of a fault", "secateur doctor --json > doctor.json"],
];

/** `secateur doctor`: what works on this machine. */
export function doctorCommand({ terminal, version }: CommandContext): Command {
  return command("doctor", "tell what works on this machine", EXAMPLES)
    .description("Looks at Node, processor, memory, disk, plugins and everything that may compute here: each is opened and tests itself.")
    .option("--json", "print one JSON document instead of text")
    .action(async ({ json }: { readonly json?: boolean }) => {
      const [machine, backends, byDefault, plugins] = await Promise.all([
        lookAtMachine(),
        backendsHere(),
        stateOfDefault(),
        runEngine("plugins", {}),
      ]);
      const brokenPlugins = Object.values(plugins).flatMap((list) =>
        list.flatMap(({ name, problem }) => (problem === undefined ? [] : [{ name, problem }])),
      );
      const diagnosis: Diagnosis = { version, node: process.version, machine, byDefault, backends, brokenPlugins };
      if (json) printJson(terminal.out, diagnosis);
      else terminal.out.write(diagnosisText(diagnosis, terminal.colors));
    });
}

async function stateOfDefault(): Promise<BackendState> {
  const chosen = { backend: "onnxruntime", options: {} };
  try {
    return { ...chosen, ...(await runEngine("backend", chosen)) };
  } catch (error) {
    const { code, message } = reportOf(error);
    if (code === "cancelled") throw error;
    return { ...chosen, problem: message, code };
  }
}
