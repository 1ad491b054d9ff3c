import type { Device, OnnxRuntime } from "@secateur/onnxruntime-plugin";
import { type Precision, precisionsOf } from "./placement.ts";
import { type InstalledProvider, installedProviders, loadProvider } from "./providers.ts";

/** A device as a list shows it. */
export interface ListedDevice {
  readonly kind: Device["kind"];
  /** The hardware's name, or who made it. */
  readonly hardware: string;
  /** What it computes products in. */
  readonly precisions: readonly Precision[];
}

/** A provider as a list shows it. */
export interface ListedProvider {
  readonly name: string;
  readonly version?: string | undefined;
  readonly vendor: string;
  readonly devices: readonly ListedDevice[];
  /** Where it came from; absent for ONNX Runtime's own. */
  readonly added?: Pick<InstalledProvider, "library" | "source" | "sha256">;
  /** Why it cannot be used. */
  readonly problem?: string;
}

/** ONNX Runtime's own provider and those in a folder, with the devices that each finds here. Loads their native code. Throws SecateurError `io`. */
export async function listProviders(ort: OnnxRuntime, folder: string): Promise<ListedProvider[]> {
  const [processor] = ort.devices();
  const cpu: ListedDevice = { kind: "cpu", hardware: processor?.hardwareVendor ?? "", precisions: ["f32"] };
  const listed: ListedProvider[] = [{ name: "cpu", version: ort.version, vendor: processor?.vendor ?? "", devices: [cpu] }];
  for (const provider of await installedProviders(folder)) {
    try {
      listed.push(listedProvider(provider, await loadProvider(ort, provider)));
    } catch (error) {
      listed.push({ ...listedProvider(provider, []), problem: (error as Error).message });
    }
  }
  return listed;
}

/** An added provider with its devices. */
export function listedProvider({ name, version, library, source, sha256 }: InstalledProvider, devices: readonly Device[]): ListedProvider {
  return {
    name,
    version: version?.split("+")[0],
    vendor: devices[0]?.vendor ?? "",
    devices: devices.map((device) => ({
      kind: device.kind,
      hardware: device.metadata.FULL_DEVICE_NAME?.trim() ?? device.hardwareVendor,
      precisions: precisionsOf(device),
    })),
    added: { library, source, sha256 },
  };
}
