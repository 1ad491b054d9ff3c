export { createTfjsBackend, type TfjsBackendOptions } from "./backend.ts";
export type { Tfjs } from "./tfjs.ts";
