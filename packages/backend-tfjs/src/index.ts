export { createTfjsBackend, type TfjsBackendOptions } from "./backend.ts";
export { type TfjsOptions, tfjs, tfjs as default } from "./plugin.ts";
export type { RuntimeName } from "./runtimes.ts";
export type { Tfjs } from "./tfjs.ts";
