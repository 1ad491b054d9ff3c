import { SecateurError } from "@secateur/kit";
import type { RecipeInput } from "@secateur/pipeline";
import type { Command } from "commander";
import * as flags from "../flags.ts";
import { addSolverFlag, addTensorFlags, addWeightFlag, type TargetFlags } from "./shared-flags.ts";

/** The flags of how much is pruned, as they are parsed. */
export interface AmountFlags {
  readonly sparsity?: number;
  readonly pattern?: { readonly keep: number; readonly of: number };
}

/** Adds the flags of `AmountFlags` to a command. */
export function addAmountFlags(command: Command): Command {
  return command
    .option("--sparsity <share>", "share of the weights to prune, such as 0.5", flags.sparsity)
    .option("--pattern <keep:of>", "keep KEEP of every OF weights, such as 2:4", flags.pattern);
}

/** How much is pruned, by these flags. Throws SecateurError `usage` unless one of the two is given. */
export function amountOf({ sparsity, pattern }: AmountFlags): Pick<RecipeInput, "sparsity" | "pattern"> {
  if (sparsity !== undefined && pattern !== undefined)
    throw new SecateurError("usage", "--sparsity and --pattern exclude each other: give one");
  if (sparsity === undefined && pattern === undefined)
    throw new SecateurError("usage", "how much to prune is not said: give --sparsity, such as 0.5, or --pattern, such as 2:4");
  return { sparsity, pattern };
}

/** The flags of how weights are chosen, but for the fusion's name, as they are parsed; what was not given is absent. */
export interface MethodFlags extends TargetFlags {
  readonly scorer?: string;
  readonly scorerOption?: readonly (readonly [string, string])[];
  readonly fusionOption?: readonly (readonly [string, string])[];
  readonly solver?: string;
  readonly solverOption?: readonly (readonly [string, string])[];
  readonly allocate?: string;
  readonly allocateOption?: readonly (readonly [string, string])[];
}

/** Adds the flags of `MethodFlags` to a command; `addFusion` adds its flag of the fusion's name among them. */
export function addMethodFlags(command: Command, addFusion: (command: Command) => Command): Command {
  command
    .option("--scorer <name>", "what a weight is worth (default: wanda)", flags.text("--scorer"))
    .option("--scorer-option <key=value>", "an option of the scorer (repeatable)", flags.repeated(flags.keyValue("--scorer-option")));
  addSolverFlag(command).option(
    "--solver-option <key=value>",
    "an option of the solver (repeatable)",
    flags.repeated(flags.keyValue("--solver-option")),
  );
  addFusion(command).option(
    "--fusion-option <key=value>",
    "an option of the fusion (repeatable)",
    flags.repeated(flags.keyValue("--fusion-option")),
  );
  addWeightFlag(command)
    .option("--allocate <name>", "what chooses each layer's part of the sparsity (default: all layers alike)", flags.text("--allocate"))
    .option(
      "--allocate-option <key=value>",
      "an option of the allocator (repeatable)",
      flags.repeated(flags.keyValue("--allocate-option")),
    );
  return addTensorFlags(command);
}

/** How weights are chosen, by these flags. */
export function methodOf(given: MethodFlags): Omit<RecipeInput, "model"> {
  return {
    weights: Object.fromEntries(given.weight ?? []),
    scorer: given.scorer,
    scorerOptions: Object.fromEntries(given.scorerOption ?? []),
    solver: given.solver,
    solverOptions: Object.fromEntries(given.solverOption ?? []),
    allocate: given.allocate,
    allocateOptions: Object.fromEntries(given.allocateOption ?? []),
    fusionOptions: Object.fromEntries(given.fusionOption ?? []),
    include: given.include,
    exclude: given.exclude,
  };
}
