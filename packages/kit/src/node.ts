export { readDocuments } from "./node/documents.ts";
export { type ImportFileOptions, type ImportModule, importFile } from "./node/import-file.ts";
export { errorCode, ioError } from "./node/io-error.ts";
export { decodeLine, LINE_LIMITS, type Line, type LineLimits, readLines, repeatDetector } from "./node/lines.ts";
export { describeOptions, type OptionDescription, parseOptions } from "./node/options.ts";
export { createRegistry, type PluginKind, type PluginOf, type Registry } from "./node/registry.ts";
export { installedPlugins, pluginHash, type ResolveOptions, resolvePlugin } from "./node/resolve.ts";
export { formatFor, loaderFor } from "./node/sources.ts";
export { nearestName } from "./node/spelling.ts";
