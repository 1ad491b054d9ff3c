import type { Device } from "@secateur/onnxruntime-plugin";
import { expect, it } from "vitest";
import { onCpu, placementOn, precisionsOf } from "../src/placement.ts";
import { failureOf } from "./support.ts";

const openvino: Device = {
  provider: "OpenVINOExecutionProvider",
  vendor: "Intel",
  kind: "cpu",
  hardwareVendor: "Intel",
  metadata: { OPTIMIZATION_CAPABILITIES: "BF16 WINOGRAD FP32 INT8", ov_device: "CPU", version: "1.8.1+95d534b" },
  options: {},
};
const gpu: Device = { ...openvino, kind: "gpu", metadata: { OPTIMIZATION_CAPABILITIES: "FP32 FP16", ov_device: "GPU.1" } };
const other: Device = { ...openvino, provider: "OtherExecutionProvider", metadata: {} };
const plain = { threads: 0, providerOptions: {} };

it("tells OpenVINO its precision and threads, over what the user says", () => {
  const config = (placement: ReturnType<typeof placementOn>): unknown => JSON.parse(placement.providerOptions.load_config ?? "");
  expect(placementOn("openvino", openvino, "bf16", plain)).toMatchObject({ version: "1.8.1", precision: "bf16", fused: false });
  expect(config(placementOn("openvino", openvino, "bf16", plain))).toEqual({ CPU: { INFERENCE_PRECISION_HINT: "bf16" } });
  expect(config(placementOn("openvino", openvino, "f32", { ...plain, threads: 3 }))).toEqual({
    CPU: { INFERENCE_PRECISION_HINT: "f32", INFERENCE_NUM_THREADS: "3" },
  });
  expect(config(placementOn("openvino", gpu, "f32", { ...plain, threads: 3 }))).toEqual({ "GPU.1": { INFERENCE_PRECISION_HINT: "f32" } });
  const own = { load_config: '{"CPU":{"NUM_STREAMS":"1"},"GPU":{}}', cache_dir: "x" };
  const placement = placementOn("openvino", openvino, "f32", { ...plain, providerOptions: own });
  expect(config(placement)).toEqual({ CPU: { INFERENCE_PRECISION_HINT: "f32", NUM_STREAMS: "1" }, GPU: {} });
  expect(placement.providerOptions.cache_dir).toBe("x");
});

it("knows what each device computes in, and hands unknown providers their options as they are", () => {
  expect([openvino, gpu, other].map(precisionsOf)).toEqual([["f32", "bf16"], ["f32"], ["f32"]]);
  expect(placementOn("other", other, "f32", { ...plain, providerOptions: { any: "x" } }).providerOptions).toEqual({ any: "x" });
});

it.each<[what: string, make: () => unknown, message: string]>([
  [
    "an option that OpenVINO has not, which it would not say",
    () => placementOn("openvino", openvino, "f32", { ...plain, providerOptions: { num_thread: "1" } }),
    "the provider openvino has no option num_thread; it has cache_dir, device_id, device_luid, device_type, dump_subgraphs, enable_causallm, enable_opencl_throttling, enable_qdq_optimizer, hint_enable_gqa, load_config, model_priority, num_of_threads, num_streams, precision, reshape_input",
  ],
  [
    "a precision that the device has not",
    () => placementOn("openvino", gpu, "bf16", plain),
    "the provider openvino computes in f32 on its gpu, not in bf16",
  ],
  [
    "a configuration that is none",
    () => placementOn("openvino", openvino, "f32", { ...plain, providerOptions: { load_config: "{CPU}" } }),
    'load_config is a JSON object of objects by device, such as {"CPU":{"NUM_STREAMS":"1"}}, not {CPU}',
  ],
  ["options of cpu", () => onCpu("f32", { ...plain, providerOptions: { a: "b" } }), "the provider cpu has no options, a was given"],
  ["bf16 on cpu", () => onCpu("bf16", plain), "the provider cpu computes in f32, not in bf16"],
])("refuses %s", async (_, make, message) => {
  expect(await failureOf(make)).toEqual(["usage", message]);
});
