import { addresses, at, cells, textAt } from "./api.ts";
import { Handle, own } from "./handle.ts";
import { check, type Native } from "./native.ts";

/** A piece of hardware with a provider that can use it. */
export interface Device {
  /** The provider, such as `OpenVINOExecutionProvider`. */
  readonly provider: string;
  /** Who made the provider. */
  readonly vendor: string;
  readonly kind: "cpu" | "gpu" | "npu";
  /** Who made the hardware, where it says so. */
  readonly hardwareVendor: string;
  /** What the provider says of itself and the hardware. */
  readonly metadata: Readonly<Record<string, string>>;
  /** The provider's options for this device, where it names any. */
  readonly options: Readonly<Record<string, string>>;
}

/** The addresses of all devices that ONNX Runtime knows of now. */
export function deviceAddresses({ api, env }: Native): bigint[] {
  const [list, count] = [cells(1), cells(1)];
  check(api, api.GetEpDevices(env, list, count));
  return [...addresses(at(list), Number(at(count)))];
}

/** What is known of the device at an address. */
export function readDevice(native: Native, pointer: bigint): Device {
  const { api } = native;
  const hardware = api.EpDevice_Device(pointer);
  const provider = api.EpDevice_EpName(pointer) ?? "";
  const device: Device = {
    provider,
    vendor: api.EpDevice_EpVendor(pointer) ?? "",
    kind: (["cpu", "gpu", "npu"] as const)[api.HardwareDevice_Type(hardware)] ?? "cpu",
    hardwareVendor: api.HardwareDevice_Vendor(hardware) ?? "",
    metadata: pairsOf(native, api.EpDevice_EpMetadata(pointer)),
    options: pairsOf(native, api.EpDevice_EpOptions(pointer)),
  };
  own(device, new Handle(native, "device", `the device of ${provider}, whose library was unregistered,`, pointer, () => {})); // ONNX Runtime owns what is native
  return device;
}

function pairsOf({ api }: Native, pairs: bigint | null): Record<string, string> {
  if (!pairs) return {};
  const [keys, values, count] = [cells(1), cells(1), cells(1)];
  api.GetKeyValuePairs(pairs, keys, values, count);
  const length = Number(at(count));
  const [names, texts] = [addresses(at(keys), length), addresses(at(values), length)];
  return Object.fromEntries(Array.from(names, (name, i) => [textAt(name), textAt(at(texts, i))]));
}
