import { SecateurError } from "@secateur/kit";
import type { Device } from "@secateur/onnxruntime-plugin";

/** What products are computed in. */
export type Precision = "f32" | "bf16";

/** Where programs run, and how. */
export interface Placement {
  /** The name by which the provider was added, or `cpu` for ONNX Runtime's own. */
  readonly name: string;
  /** The provider's version, where it says one. */
  readonly version?: string | undefined;
  /** Absent for ONNX Runtime's own CPU provider. */
  readonly device?: Device;
  readonly precision: Precision;
  /** Whether the provider takes fused operators; the others get programs in primitives. */
  readonly fused: boolean;
  readonly providerOptions: Readonly<Record<string, string>>;
}

/** What a user asks of a provider. */
export interface PlacementOptions {
  readonly threads: number;
  /** Left out, as the provider has it. */
  readonly fused?: boolean | undefined;
  readonly providerOptions: Readonly<Record<string, string>>;
}

/** What is particular to a provider. */
interface Traits {
  readonly fused: boolean;
  /** The names of all its options, where it takes unknown ones without a word. */
  readonly options?: readonly string[];
  precisions(device: Device): readonly Precision[];
  /** Its options for a precision and a number of threads, over those of the user. */
  settings(device: Device, precision: Precision, options: PlacementOptions): Readonly<Record<string, string>>;
}

const OPENVINO: Traits = {
  fused: false,
  options: [
    "cache_dir",
    "device_id",
    "device_luid",
    "device_type",
    "dump_subgraphs",
    "enable_causallm",
    "enable_opencl_throttling",
    "enable_qdq_optimizer",
    "hint_enable_gqa",
    "load_config",
    "model_priority",
    "num_of_threads",
    "num_streams",
    "precision",
    "reshape_input",
  ],
  precisions: ({ metadata }) => (metadata.OPTIMIZATION_CAPABILITIES?.split(" ").includes("BF16") ? ["f32", "bf16"] : ["f32"]),
  settings({ metadata }, precision, { threads, providerOptions }) {
    const { load_config: given, ...others } = providerOptions;
    const name = metadata.ov_device ?? "CPU";
    const config = configOf(given);
    const own = { INFERENCE_PRECISION_HINT: precision, ...(threads > 0 && name === "CPU" && { INFERENCE_NUM_THREADS: String(threads) }) };
    return { ...others, load_config: JSON.stringify({ ...config, [name]: { ...own, ...config[name] } }) };
  },
};

// A provider that nothing is known of computes as it pleases: the self-test says whether that is single precision.
const UNKNOWN: Traits = {
  fused: false,
  precisions: () => ["f32"],
  settings: (_device, _precision, { providerOptions }) => providerOptions,
};

/** The precisions that a device computes in, the exact one first. */
export function precisionsOf(device: Device): readonly Precision[] {
  return traitsOf(device).precisions(device);
}

/** A device as a place for programs. Throws SecateurError `usage` for options that the provider has not, or a precision that the device has not. */
export function placementOn(name: string, device: Device, precision: Precision, options: PlacementOptions): Placement {
  const traits = traitsOf(device);
  const unknown = Object.keys(options.providerOptions).find((key) => traits.options?.includes(key) === false);
  if (unknown !== undefined)
    throw new SecateurError("usage", `the provider ${name} has no option ${unknown}; it has ${traits.options?.join(", ")}`);
  if (!traits.precisions(device).includes(precision))
    throw new SecateurError(
      "usage",
      `the provider ${name} computes in ${traits.precisions(device).join(" or ")} on its ${device.kind}, not in ${precision}`,
    );
  const { fused = traits.fused } = options;
  const version = device.metadata.version?.split("+")[0];
  return { name, version, device, precision, fused, providerOptions: traits.settings(device, precision, options) };
}

/** ONNX Runtime's own CPU provider. Throws SecateurError `usage` for options, of which it has none, and for any precision but single. */
export function onCpu(precision: Precision, { fused = true, providerOptions }: PlacementOptions): Placement {
  const [option] = Object.keys(providerOptions);
  if (option !== undefined) throw new SecateurError("usage", `the provider cpu has no options, ${option} was given`);
  if (precision !== "f32") throw new SecateurError("usage", `the provider cpu computes in f32, not in ${precision}`);
  return { name: "cpu", precision, fused, providerOptions: {} };
}

function traitsOf({ provider }: Device): Traits {
  return provider.startsWith("OpenVINOExecutionProvider") ? OPENVINO : UNKNOWN;
}

/** OpenVINO's configuration by device, as a user may give it. */
function configOf(text: string | undefined): Record<string, Record<string, unknown>> {
  if (text === undefined) return {};
  try {
    const config = JSON.parse(text) as Record<string, Record<string, unknown>> | null;
    if (typeof config === "object" && config && Object.values(config).every((own) => typeof own === "object" && own)) return config;
  } catch {
    // said below
  }
  throw new SecateurError("usage", `load_config is a JSON object of objects by device, such as {"CPU":{"NUM_STREAMS":"1"}}, not ${text}`);
}
