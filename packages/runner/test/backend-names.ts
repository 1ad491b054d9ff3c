/** What the suites on backends call them, in the order of the conformance table's columns. */
export const BACKEND_NAMES = [
  "reference",
  "reference in primitives",
  "onnxruntime",
  "onnxruntime in primitives",
  "onnxruntime openvino",
  "tfjs wasm",
  "tfjs cpu",
  "tfjs node",
  "tfjs node-gpu",
] as const;

/** A name of a backend in suites. */
export type BackendName = (typeof BACKEND_NAMES)[number];
