import { existsSync } from "node:fs";
import type { Loader } from "../document.ts";
import { SecateurError } from "../errors.ts";
import type { Format } from "../format.ts";

/**
 * The loader that reads a data source, by the longest ending that fits, in any case of letters; a last `.gz` is looked past when no loader names it.
 * Throws SecateurError `unsupported` that lists the endings that are known.
 */
export function loaderFor(loaders: readonly Loader[], source: string): Loader {
  const name = source.toLowerCase();
  const found = longestEnding(loaders, name) ?? (name.endsWith(".gz") ? longestEnding(loaders, name.slice(0, -".gz".length)) : undefined);
  if (found !== undefined) return found;
  const known = [...new Set(loaders.flatMap((loader) => loader.extensions))].sort().join(", ");
  throw new SecateurError("unsupported", `no loader reads ${source}: the endings that are known are ${known || "none"}`, {
    where: { file: source },
  });
}

/** The first format whose probe says that it knows a model. Throws SecateurError `not-found` when nothing is at the path, else `format`. */
export async function formatFor(formats: readonly Format[], source: string): Promise<Format> {
  for (const format of formats) if (await format.probe(source)) return format;
  const where = { file: source };
  if (!existsSync(source)) throw new SecateurError("not-found", `no model at ${source}: there is no such file or folder`, { where });
  const known = formats.map((format) => format.name).join(", ");
  throw new SecateurError("format", `${source} is no model of a format that is known (${known || "none"})`, { where });
}

function longestEnding(loaders: readonly Loader[], name: string): Loader | undefined {
  let found: Loader | undefined;
  let longest = 0;
  for (const loader of loaders) {
    for (const extension of loader.extensions) {
      if (extension.length > longest && name.endsWith(extension.toLowerCase())) [found, longest] = [loader, extension.length];
    }
  }
  return found;
}
