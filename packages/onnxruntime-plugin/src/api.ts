import koffi from "koffi";
import { OnnxRuntimeError } from "./errors.ts";

/** An address, or memory that a typed array holds; null is no address. */
export type Memory = bigint | ArrayBufferView | null;

type NativeType = "void" | "void *" | "int" | "size_t" | "str" | "path";
type Argument<T> = T extends "str" | "path" ? string : T extends "int" | "size_t" ? number : Memory;
type Result<T> = T extends "void *" ? bigint | null : T extends "str" ? string | null : T extends "int" ? number : undefined;
type Arguments<A extends readonly NativeType[]> = { -readonly [I in keyof A]: Argument<A[I]> };
type Field = readonly [field: number, result: NativeType, args: readonly NativeType[]];

/** A function of ONNX Runtime's C interface; `async` runs it on another thread. */
interface ApiFunction<F extends Field> {
  (...args: Arguments<F[2]>): Result<F[1]>;
  async(...args: [...Arguments<F[2]>, done: (error: unknown, result: Result<F[1]>) => void]): void;
}

/** ONNX Runtime's C interface, as far as it is used here. */
export type Api = { readonly [K in keyof typeof FIELDS]: ApiFunction<(typeof FIELDS)[K]> };

/** The version of the interface that is asked for; its 318 fields do not move in later versions (onnxruntime_c_api.h). */
const API_VERSION = 22;
const FIELD_COUNT = 318;

// The versions that have been tried: 1.min to 1.max.
const TESTED = { min: 22, max: 30 };

// Each function's number in struct OrtApi (onnxruntime_c_api.h). A result `void *` is an OrtStatus*, null when all went well.
const FIELDS = {
  CreateStatus: [0, "void *", ["int", "str"]],
  GetErrorCode: [1, "int", ["void *"]],
  GetErrorMessage: [2, "str", ["void *"]],
  CreateEnv: [3, "void *", ["int", "str", "void *"]],
  DisableTelemetryEvents: [6, "void *", ["void *"]],
  CreateSession: [7, "void *", ["void *", "path", "void *", "void *"]],
  CreateSessionFromArray: [8, "void *", ["void *", "void *", "size_t", "void *", "void *"]],
  Run: [9, "void *", ["void *", "void *", "void *", "void *", "size_t", "void *", "size_t", "void *"]],
  CreateSessionOptions: [10, "void *", ["void *"]],
  SetSessionLogSeverityLevel: [22, "void *", ["void *", "int"]],
  SetSessionGraphOptimizationLevel: [23, "void *", ["void *", "int"]],
  SetIntraOpNumThreads: [24, "void *", ["void *", "int"]],
  SessionGetInputCount: [30, "void *", ["void *", "void *"]],
  SessionGetOutputCount: [31, "void *", ["void *", "void *"]],
  SessionGetInputTypeInfo: [33, "void *", ["void *", "size_t", "void *"]],
  SessionGetOutputTypeInfo: [34, "void *", ["void *", "size_t", "void *"]],
  SessionGetInputName: [36, "void *", ["void *", "size_t", "void *", "void *"]],
  SessionGetOutputName: [37, "void *", ["void *", "size_t", "void *", "void *"]],
  CreateTensorWithDataAsOrtValue: [49, "void *", ["void *", "void *", "size_t", "void *", "size_t", "int", "void *"]],
  GetTensorMutableData: [51, "void *", ["void *", "void *"]],
  CastTypeInfoToTensorInfo: [55, "void *", ["void *", "void *"]],
  GetTensorElementType: [60, "void *", ["void *", "void *"]],
  GetDimensionsCount: [61, "void *", ["void *", "void *"]],
  GetDimensions: [62, "void *", ["void *", "void *", "size_t"]],
  GetSymbolicDimensions: [63, "void *", ["void *", "void *", "size_t"]],
  GetTensorTypeAndShape: [65, "void *", ["void *", "void *"]],
  CreateCpuMemoryInfo: [69, "void *", ["int", "int", "void *"]],
  AllocatorFree: [76, "void *", ["void *", "void *"]],
  GetAllocatorWithDefaultOptions: [78, "void *", ["void *"]],
  ReleaseStatus: [93, "void", ["void *"]],
  ReleaseSession: [95, "void", ["void *"]],
  ReleaseValue: [96, "void", ["void *"]],
  ReleaseTypeInfo: [98, "void", ["void *"]],
  ReleaseTensorTypeAndShapeInfo: [99, "void", ["void *"]],
  ReleaseSessionOptions: [100, "void", ["void *"]],
  AddSessionConfigEntry: [130, "void *", ["void *", "str", "str"]],
  GetBuildInfoString: [254, "str", []],
  CreateKeyValuePairs: [295, "void", ["void *"]],
  AddKeyValuePair: [296, "void", ["void *", "str", "str"]],
  GetKeyValue: [297, "str", ["void *", "str"]],
  GetKeyValuePairs: [298, "void", ["void *", "void *", "void *", "void *"]],
  ReleaseKeyValuePairs: [300, "void", ["void *"]],
  RegisterExecutionProviderLibrary: [301, "void *", ["void *", "str", "path"]],
  GetEpDevices: [303, "void *", ["void *", "void *", "void *"]],
  SessionOptionsAppendExecutionProvider_V2: [304, "void *", ["void *", "void *", "void *", "size_t", "void *", "void *", "size_t"]],
  HardwareDevice_Type: [307, "int", ["void *"]],
  HardwareDevice_Vendor: [309, "str", ["void *"]],
  EpDevice_EpName: [312, "str", ["void *"]],
  EpDevice_EpVendor: [313, "str", ["void *"]],
  EpDevice_EpMetadata: [314, "void *", ["void *"]],
  EpDevice_EpOptions: [315, "void *", ["void *"]],
  EpDevice_Device: [316, "void *", ["void *"]],
} as const;

/** Makes the functions of the interface callable, once version and layout are seen to be as expected. Throws OnnxRuntimeError `library` or `version`. */
export function readApi(library: ReturnType<typeof koffi.load>, path: string): { readonly api: Api; readonly version: string } {
  let base: bigint | null;
  try {
    base = library.func("OrtGetApiBase", "void *", [])();
  } catch (cause) {
    throw new OnnxRuntimeError("library", `${path} is not ONNX Runtime: it has no OrtGetApiBase`, { cause });
  }
  if (!base) throw new OnnxRuntimeError("library", `${path} gives no interface`);
  const [getApi = 0n, getVersion = 0n] = addresses(base, 2);
  const version: string = koffi.decode(getVersion, koffi.proto("str", []))();
  checkVersion(version, path);
  const table: bigint | null = koffi.decode(getApi, koffi.proto("void *", ["uint32_t"]))(API_VERSION);
  if (!table) throw new OnnxRuntimeError("version", `${path} is ONNX Runtime ${version}, which has no interface of version ${API_VERSION}`);
  const functions = addresses(table, FIELD_COUNT);
  const native = (type: NativeType): string => (type !== "path" ? type : process.platform === "win32" ? "str16" : "str"); // ORTCHAR_T
  const api = Object.fromEntries(
    Object.entries(FIELDS).map(([name, [field, result, args]]) => [
      name,
      koffi.decode(functions[field], koffi.proto(native(result), args.map(native))),
    ]),
  ) as unknown as Api; // each as its field says
  checkLayout(api, path, version);
  return { api, version };
}

/** Throws OnnxRuntimeError `version` for one that has not been tried. */
export function checkVersion(version: string, path: string): void {
  const [, minor] = /^1\.(\d+)\./.exec(version) ?? [];
  if (minor !== undefined && Number(minor) >= TESTED.min && Number(minor) <= TESTED.max) return;
  throw new OnnxRuntimeError("version", `${path} is ONNX Runtime ${version}, wanted 1.${TESTED.min} to 1.${TESTED.max}`);
}

/** Round trips that cannot do damage, at the fields' beginning, middle and end, before any that could. */
function checkLayout(api: Api, path: string, version: string): void {
  const status = api.CreateStatus(2, "probe");
  const first = api.GetErrorCode(status) === 2 && api.GetErrorMessage(status) === "probe";
  api.ReleaseStatus(status);
  const middle = api.GetBuildInfoString()?.startsWith("ORT Build Info") ?? false;
  const pairs = cells(1);
  api.CreateKeyValuePairs(pairs);
  api.AddKeyValuePair(at(pairs), "key", "value");
  const last = api.GetKeyValue(at(pairs), "key") === "value";
  api.ReleaseKeyValuePairs(at(pairs));
  if (!(first && middle && last))
    throw new OnnxRuntimeError("version", `${path} says that it is ONNX Runtime ${version}, but its interface is laid out otherwise`);
}

/** Memory for so many addresses or sizes, outside of the heap that the collector moves. */
export function cells(count: number): BigUint64Array<ArrayBuffer> {
  return new BigUint64Array(new ArrayBuffer(Math.max(8 * count, 128))).subarray(0, count);
}

/** One of the addresses that a function has written. */
export function at(memory: BigUint64Array, index = 0): bigint {
  return memory[index] ?? 0n;
}

/** A copy of so many addresses that lie in native memory. */
export function addresses(start: bigint, count: number): BigUint64Array {
  return count === 0 ? cells(0) : new BigUint64Array(koffi.view(start, 8 * count).slice(0));
}

/** Texts as C wants them: the memory to hold on to while they are used, and an array of their addresses. */
export function cStrings(texts: readonly string[]): { readonly addresses: BigUint64Array; readonly texts: readonly Buffer[] } {
  const held = texts.map((text) => Buffer.concat([Buffer.from(text), Buffer.alloc(128)])); // short ones would lie in the heap
  const addresses = cells(texts.length);
  for (const [i, text] of held.entries()) addresses[i] = koffi.address(text);
  return { addresses, texts: held };
}

/** The text at an address. */
export function textAt(address: bigint): string {
  return address === 0n ? "" : koffi.decode.string(address);
}
