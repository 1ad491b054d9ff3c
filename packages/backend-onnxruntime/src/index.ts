export { type AddProviderOptions, addProvider } from "./add-provider.ts";
export { createOnnxRuntimeBackend, type OnnxRuntimeOptions, openRuntime } from "./create.ts";
export { type ListedDevice, type ListedProvider, listedProvider, listProviders } from "./list.ts";
export type { Precision } from "./placement.ts";
export { onnxruntime, onnxruntime as default } from "./plugin.ts";
export { defaultProvidersFolder, type InstalledProvider, installedProviders, removeProvider } from "./providers.ts";
