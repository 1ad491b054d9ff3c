export { createOnnxRuntimeBackend, type OnnxRuntimeOptions, openRuntime } from "./create.ts";
export type { Precision } from "./placement.ts";
export { precisionsOf } from "./placement.ts";
export { onnxruntime, onnxruntime as default } from "./plugin.ts";
export { addProvider, defaultProvidersFolder, devicesOf, type InstalledProvider, installedProviders, removeProvider } from "./providers.ts";
