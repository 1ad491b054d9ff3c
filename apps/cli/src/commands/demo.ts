import type { DemoRequest } from "@secateur/engine";
import type { Command } from "commander";
import { packageFile } from "../package-file.ts";
import { demoText } from "../render/demo.ts";
import { runEngine } from "../run-engine.ts";
import { printJson } from "../terminal.ts";
import { type CommandContext, command, type Example } from "./command.ts";
import { addEngineFlags, backendOptions, type EngineFlags } from "./shared-flags.ts";

const EXAMPLES: readonly Example[] = [
  ["under a minute on two cores; the models are left in ./demo-output", "secateur demo"],
  ["somewhere else", "secateur demo --out /tmp/demo"],
  ["on another backend", "secateur demo --backend tfjs --backend-option runtime=wasm"],
];

interface DemoFlags extends EngineFlags {
  readonly out: string;
  readonly json?: boolean;
}

/** `secateur demo`: prunes a small model that comes with the program, with general text alone and for its tasks, and shows what the difference is. */
export function demoCommand({ terminal, version }: CommandContext): Command {
  const made = command("demo", "prune a small model that is included, and see what it does", EXAMPLES)
    .description(
      "Prunes a model of 2.75 million parameters that knows English and three skills: once with English alone, once for the skills too.",
    )
    .option("--out <dir>", "where the models and their data are left", "demo-output")
    .option("--json", "print one JSON document instead of a table");
  return addEngineFlags(made).action(async ({ out, json, ...engine }: DemoFlags) => {
    const started = performance.now();
    const onEvent = ({ message }: { readonly message: string }): void => void terminal.err.write(`${message}\n`);
    const result = await runEngine("demo", { model: packageFile("demo"), folder: out, version, ...computing(engine) }, { onEvent });
    if (json) printJson(terminal.out, result);
    else terminal.out.write(demoText(result, (performance.now() - started) / 1000, terminal.colors));
  });
}

/** What computes: unless flags say otherwise, what gives the same figures on every machine of a kind. */
function computing(flags: EngineFlags): Pick<DemoRequest, "backend" | "backendOptions"> {
  const { backend = "onnxruntime" } = flags;
  const options = backendOptions(flags);
  return { backend, backendOptions: backend === "onnxruntime" ? { provider: "cpu", ...options } : options };
}
