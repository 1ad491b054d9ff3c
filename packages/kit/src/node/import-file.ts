import { extname } from "node:path";
import { pathToFileURL } from "node:url";
import { type ErrorCode, SecateurError } from "../errors.ts";
import { locatePackage } from "./locate.ts";

/** Imports the module at a URL. */
export type ImportModule = (url: string) => Promise<unknown>;

/** How a user's file is imported. */
export interface ImportFileOptions {
  /** The user's directory, where tsx is looked for. */
  readonly from: string;
  /** What the file is, for messages: `the scorer "./mine.ts"`. */
  readonly what: string;
  /** The code of the errors that the file's faults are reported with. */
  readonly code: ErrorCode;
  /** Node's own `import`, unless the host loads modules in another way. */
  readonly importModule?: ImportModule | undefined;
}

/**
 * The default export of a JavaScript or TypeScript file, by its absolute path: ES module or CommonJS. TypeScript that this process cannot load goes through the
 * user's tsx. Throws SecateurError with the given code, and the cause, when the file cannot be loaded or exports no default.
 */
export async function importFile(file: string, options: ImportFileOptions): Promise<unknown> {
  const importModule = options.importModule ?? importNatively;
  const url = pathToFileURL(file).href; // a path is no URL: "#", "%" and "?" mean something else in one
  try {
    return defaultOf(await importModule(url), options);
  } catch (error) {
    if (!wantsTypeScript(error)) throw loadError(error, options);
    return await importTypeScript(file, error, options, importModule);
  }
}

async function importTypeScript(file: string, cause: unknown, options: ImportFileOptions, importModule: ImportModule): Promise<unknown> {
  const { code, from, what } = options;
  const tsx = locatePackage("tsx/esm/api", from);
  if (tsx === undefined) {
    const advice = `install tsx for it (npm install --save-dev tsx, in ${from}), or write it as JavaScript`;
    throw new SecateurError(code, `${what} is TypeScript that Node ${process.version} does not load by itself: ${advice}`, {
      where: { file },
      cause,
    });
  }
  if (file.includes("?")) {
    const advice = `rename it, or write the file as JavaScript (${extname(file)} → .mjs)`;
    throw new SecateurError(code, `${what} is TypeScript, and tsx loads no file with a "?" in its path: ${advice}`, {
      where: { file },
      cause,
    });
  }
  try {
    const api = (await importModule(pathToFileURL(tsx).href)) as { tsImport(url: string, parent: string): Promise<unknown> };
    return defaultOf(await api.tsImport(pathToFileURL(file).href, pathToFileURL(file).href), options);
  } catch (error) {
    throw loadError(error, options);
  }
}

function importNatively(url: string): Promise<unknown> {
  return import(/* @vite-ignore */ url);
}

function wantsTypeScript(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const { code } = error as { readonly code?: unknown };
  if (code === "ERR_UNKNOWN_FILE_EXTENSION") return /"\.[cm]?tsx?"/.test(error.message);
  // Newer Nodes strip types, but not from enums and the like, and not in node_modules.
  return code === "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX" || code === "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING";
}

/** CommonJS that was compiled from an ES module has its default export one level down. */
function defaultOf(module: unknown, { code, what }: ImportFileOptions): unknown {
  const outer = property(module, "default");
  if (outer === undefined) throw new SecateurError(code, `${what} has no default export`);
  const inner = property(outer, "default");
  return inner !== undefined && Object.keys(outer as object).every((key) => key === "default" || key === "__esModule") ? inner : outer;
}

function property(value: unknown, key: string): unknown {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}

function loadError(error: unknown, { code, what }: ImportFileOptions): SecateurError {
  if (error instanceof SecateurError) return error;
  const reason = error instanceof Error ? error.message : String(error);
  return new SecateurError(code, `cannot load ${what}: ${reason}`, { cause: error });
}
