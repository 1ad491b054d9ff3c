import type { Plugin } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import { parseOptions } from "./options.ts";

/**
 * What a plugin makes of options as a user gave them. Throws what `parseOptions` throws, and SecateurError `plugin` with the plugin's name where its schema or its
 * `create` throws what is no SecateurError, or makes nothing.
 */
export async function makeFrom<Options, Made extends object>(
  plugin: Plugin<string, Options, Made>,
  given: Readonly<Record<string, unknown>>,
): Promise<Made> {
  const who = `${plugin.kind} "${plugin.name}"`;
  let made: unknown;
  try {
    made = plugin.create(await parseOptions(plugin, given));
  } catch (cause) {
    if (cause instanceof SecateurError) throw cause;
    throw new SecateurError("plugin", `${who} failed when it was made: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (typeof made === "object" && made !== null) return made as Made; // as its type says
  throw new SecateurError("plugin", `${who} made ${made === null ? "null" : typeof made}, wanted an object`);
}
