import type { BackendDescription } from "@secateur/kit";
import { installedPlugins, resolvePlugin } from "@secateur/kit/node";
import { reportOf } from "../errors.ts";
import { builtIns, openBackend } from "../wiring.ts";
import { blockOf, flopsPerSecond } from "./block-speed.ts";
import type { JobContext } from "./messages.ts";

/** Something that a backend may compute on, by the options that ask for it. */
export interface BackendChoice {
  readonly backend: string;
  readonly options: Readonly<Record<string, string>>;
  /** Why not even its choices are known. */
  readonly problem?: string;
}

/** A choice that works. */
export interface OpenedBackend {
  readonly description: BackendDescription;
  /** Absent where the library chooses, as a rule one a core. */
  readonly threads?: number;
  /** Floating-point operations a second of a block's forward pass, where it was to be measured. */
  readonly flopsPerSecond?: number;
}

/** What is to be opened, and whether its speed is wanted. */
export interface BackendRequest extends Pick<BackendChoice, "backend" | "options"> {
  /** The sizes of the block to measure with: those of a model, or SmolLM2-135M's. */
  readonly measure?: { readonly model: string | undefined };
}

/**
 * Everything that may compute here: each choice of the backends of this program and of those installed for the user's directory. Opens none. Throws what is wrong
 * with the model that they are to be measured with.
 */
export async function runChoices({ measure }: Pick<BackendRequest, "measure">): Promise<BackendChoice[]> {
  if (measure) await blockOf(measure.model);
  const { registry } = builtIns();
  const from = process.cwd();
  const names = new Set([...registry.list("backend").map(({ name }) => name), ...installedPlugins("backend", from)]);
  const choices: BackendChoice[] = [];
  for (const backend of names) {
    try {
      const plugin = await resolvePlugin(registry, "backend", backend, { from });
      for (const options of (await plugin.choices?.()) ?? [{}]) choices.push({ backend, options });
    } catch (error) {
      choices.push({ backend, options: {}, problem: reportOf(error).message });
    }
  }
  return choices;
}

/** Opens one choice, and measures it where that is asked for. */
export async function runBackend({ backend, options, measure }: BackendRequest, { signal }: JobContext<"backend">): Promise<OpenedBackend> {
  const opened = await openBackend(builtIns().registry, backend, options);
  try {
    const { description, threads } = opened;
    const speed = measure && (await flopsPerSecond(opened, await blockOf(measure.model), signal));
    return { description, ...(threads !== undefined && { threads }), ...(speed !== undefined && { flopsPerSecond: speed }) };
  } finally {
    await opened.dispose();
  }
}
