import { createOnnxRuntimeBackend } from "@secateur/backend-onnxruntime";
import { createReferenceBackend } from "@secateur/backend-reference";
import { tfjs } from "@secateur/backend-tfjs";
import type { Backend } from "@secateur/kit";
import { describe, it } from "vitest";
import { realProviders } from "../../backend-onnxruntime/test/support.ts";
import { nativeRuntime } from "../../backend-tfjs/test/native.ts";
import type { BackendName } from "./backend-names.ts";

/** A backend to test on. */
interface BackendUnderTest {
  make(): Promise<Backend>;
  /** Why there is none here. */
  readonly missing?: string | undefined;
}

const openvino = await realProviders("openvino");

/** Every backend, with single operators and with programs written out in primitives, on all that they can compute on. */
export const BACKENDS: Readonly<Record<BackendName, BackendUnderTest>> = {
  reference: { make: async () => createReferenceBackend() },
  "reference in primitives": { make: async () => createReferenceBackend({ expand: true }) },
  onnxruntime: { make: () => createOnnxRuntimeBackend({ provider: "cpu", threads: 2 }) },
  "onnxruntime in primitives": { make: () => createOnnxRuntimeBackend({ provider: "cpu", threads: 2, fused: false }) },
  "onnxruntime openvino": {
    make: () => createOnnxRuntimeBackend({ provider: "openvino", compute: "f32", providersFolder: openvino.folder }),
    missing: openvino.missing,
  },
  "tfjs wasm": { make: async () => tfjs.create({ runtime: "wasm" }) },
  "tfjs cpu": { make: async () => tfjs.create({ runtime: "cpu" }) },
  "tfjs node": await nativeRuntime("node"),
  "tfjs node-gpu": await nativeRuntime("node-gpu"),
};

/** Adds the suite `WHAT on BACKEND` for every backend. For one that is missing, its only test is skipped and states the reason. */
export function describeOnBackends(what: string, body: (make: () => Promise<Backend>, name: BackendName) => void): void {
  for (const [name, { make, missing }] of Object.entries(BACKENDS) as [BackendName, BackendUnderTest][]) {
    describe(`${what} on ${name}`, () => (missing === undefined ? body(make, name) : it(missing, ({ skip }) => skip(missing))));
  }
}
