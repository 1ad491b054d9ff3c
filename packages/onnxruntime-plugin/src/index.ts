export type { Device } from "./device.ts";
export { OnnxRuntimeError, type OnnxRuntimeErrorCode } from "./errors.ts";
export { bundledLibrary } from "./library.ts";
export { loadOnnxRuntime, type OnnxRuntime, type SessionOptions } from "./runtime.ts";
export type { Port, Session } from "./session.ts";
export type { Tensor, TensorArrays, TensorType } from "./tensor.ts";
