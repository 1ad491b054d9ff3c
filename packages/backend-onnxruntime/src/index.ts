export { createOnnxRuntimeBackend, type OnnxRuntimeOptions } from "./backend.ts";
export { onnxruntime, onnxruntime as default } from "./plugin.ts";
