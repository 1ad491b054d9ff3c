import { type Command, Command as Group } from "commander";
import * as flags from "../flags.ts";
import { addedText, providersText } from "../render/providers.ts";
import { runEngine } from "../run-engine.ts";
import { printJson, type Terminal } from "../terminal.ts";
import { type CommandContext, command, type Example, examplesText } from "./command.ts";

interface AddFlags {
  readonly name?: string;
  readonly force?: boolean;
  readonly json?: boolean;
}

const EXAMPLES: readonly Example[] = [
  ["what can compute here", "secateur providers"],
  [
    "Intel's, from the package index; the file is a wheel",
    "pip download --no-deps onnxruntime-ep-openvino\n  secateur providers add onnxruntime_ep_openvino-*.whl",
  ],
  ["one of them, in single precision", "secateur prune ./model … --backend-option provider=openvino --compute f32"],
];

/** `secateur providers`: what ONNX Runtime can compute on, and adding to it. */
export function providersCommand(context: CommandContext): Command {
  const { terminal } = context;
  return new Group("providers")
    .summary("list or add what computes: processors, GPUs, NPUs")
    .description(
      "Lists ONNX Runtime's execution providers and their devices, and adds further ones. One that passes a self-test and is clearly faster is used, unless --backend-option provider=NAME says which.",
    )
    .option("--json", "print one JSON document instead of text")
    .addHelpText("after", `\n${examplesText(EXAMPLES)}`)
    .addCommand(addCommand(context))
    .addCommand(removeCommand(context))
    .action(async ({ json }: { readonly json?: boolean }) => {
      const list = await runEngine("providers", { action: "list" });
      if (json) printJson(terminal.out, list);
      else terminal.out.write(providersText(list, terminal.colors));
    });
}

function addCommand({ terminal }: CommandContext): Command {
  return command("add", "add a provider from its library or wheel", EXAMPLES.slice(1, 2))
    .description(
      "Adds an execution provider: a wheel is unpacked into your data folder, a library is used where it is. Its code is run, so add only what you trust; its hash is shown.",
    )
    .argument("<file>", "a wheel (.whl) that holds a provider's library, or the library itself (.so, .dylib, .dll)")
    .option("--name <name>", "what to call it (default: by the library's name)", flags.text("--name"))
    .option("--force", "replace one of the same name")
    .option("--json", "print one JSON document instead of text")
    .action(async (file: string, { name, force = false, json }: AddFlags, self: Command) => {
      const [added] = await runEngine("providers", { action: "add", file, name, force }, stopping(terminal));
      if (json || self.parent?.opts().json) printJson(terminal.out, added);
      else if (added) terminal.out.write(addedText(added, terminal.colors));
    });
}

function removeCommand({ terminal }: CommandContext): Command {
  return command("remove", "take an added provider away", [["", "secateur providers remove openvino"]])
    .argument("<name>", "as `secateur providers` lists it")
    .option("--json", "print one JSON document instead of text")
    .action(async (name: string, { json }: { readonly json?: boolean }, self: Command) => {
      await runEngine("providers", { action: "remove", name });
      if (json || self.parent?.opts().json) printJson(terminal.out, { removed: name });
      else terminal.out.write(`removed ${name}\n`);
    });
}

function stopping({ err }: Terminal): { readonly onStopping: () => void } {
  return { onStopping: () => void err.write("stopping; Ctrl-C again ends it at once\n") };
}
