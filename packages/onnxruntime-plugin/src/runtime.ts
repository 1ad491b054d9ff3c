import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { at, cells, cStrings } from "./api.ts";
import { type Device, deviceAddresses, readDevice } from "./device.ts";
import { OnnxRuntimeError } from "./errors.ts";
import { Handle, handleOf } from "./handle.ts";
import { bundledLibrary, openLibrary } from "./library.ts";
import { argument, call, check, checkText, type Native, out } from "./native.ts";
import { Session } from "./session.ts";
import { bytesOf, checkArray, codeOf, elementsOf, kindOf, Tensor, type TensorArrays, type TensorType } from "./tensor.ts";

/** How a session is made. */
export interface SessionOptions {
  /** Where the model runs; ONNX Runtime's own CPU provider when left out, which also takes what the device's provider cannot. */
  readonly device?: Device;
  /** Options of the device's provider. Whether an unknown one is refused is the provider's choice. */
  readonly providerOptions?: Readonly<Record<string, string>>;
  /** Threads for one operator; left out or 0, one a core. */
  readonly threads?: number;
  /** ONNX Runtime's session configuration entries, by key. */
  readonly config?: Readonly<Record<string, string>>;
  /** Refuses a model of which the device's provider cannot take every operator. */
  readonly wholeOnDevice?: boolean;
}

/** A loaded ONNX Runtime. */
export class OnnxRuntime {
  readonly version: string;
  /** The path of the library. */
  readonly library: string;
  readonly #native: Native;
  readonly #devices = new Map<bigint, Device>();
  readonly #registered = new Map<string, { readonly path: string; readonly devices: readonly Device[] }>();
  readonly #sessions = new Map<Device, number>();
  // The devices of libraries that were taken away, by path and all together; they are still loaded.
  readonly #unregistered = new Map<string, readonly bigint[]>();
  readonly #hidden = new Set<bigint>();
  // One registration after another, so that each knows which devices it brought.
  #registering: Promise<unknown> = Promise.resolve();

  constructor(library: string) {
    const { api, version, path } = openLibrary(library);
    this.version = version;
    this.library = path;
    const env = out(api, (memory) => api.CreateEnv(LOG_FATAL, "node", memory));
    check(api, api.DisableTelemetryEvents(env));
    this.#native = {
      api,
      env,
      memory: out(api, (memory) => api.CreateCpuMemoryInfo(ARENA_ALLOCATOR, DEFAULT_MEMORY, memory)),
      allocator: out(api, (memory) => api.GetAllocatorWithDefaultOptions(memory)),
    };
  }

  /** All devices of the providers that are there now: ONNX Runtime's own, and those that were registered. */
  devices(): Device[] {
    return this.#devicesAt(deviceAddresses(this.#native).filter((pointer) => !this.#hidden.has(pointer)));
  }

  #devicesAt(pointers: readonly bigint[]): Device[] {
    return pointers.map((pointer) => {
      const device = this.#devices.get(pointer) ?? readDevice(this.#native, pointer);
      this.#devices.set(pointer, device);
      return device;
    });
  }

  /**
   * Loads a provider's library into the process, where it is registered once, and gives its devices: none when it finds no hardware that it can use.
   * A library that is registered already, by any thread, is taken as it is. Throws OnnxRuntimeError `provider` for a file that is missing or no provider, and for a name
   * that is taken.
   */
  registerProvider(name: string, library: string): Promise<readonly Device[]> {
    const registering = this.#registering.then(() => this.#register(name, library));
    this.#registering = registering.catch(() => {});
    return registering;
  }

  /**
   * Takes a provider's devices away: they cannot be used any more here. Its library stays loaded, since another thread may be at work with it. Throws
   * OnnxRuntimeError `provider` for an unknown one, `busy` while sessions of this thread use it.
   */
  unregisterProvider(name: string): void {
    const known = this.#registered.get(name);
    if (!known) throw new OnnxRuntimeError("provider", `no provider is registered as ${kindOf(name)}`);
    const used = known.devices.reduce((sum, device) => sum + (this.#sessions.get(device) ?? 0), 0);
    if (used > 0) throw new OnnxRuntimeError("busy", `${name} is taken away while ${used} of its sessions are not released`);
    this.#registered.delete(name);
    const pointers = known.devices.map((device) => handleOf(device, "device").pointer());
    this.#unregistered.set(known.path, pointers);
    for (const pointer of pointers) {
      this.#hidden.add(pointer);
      this.#devices.delete(pointer);
    }
    for (const device of known.devices) handleOf(device, "device").release();
  }

  /**
   * A tensor over an array, without a copy: the array is read and written in place, and must keep its memory and its values during a run. A transfer that comes
   * before a run is noticed, one during a run cannot be. Throws OnnxRuntimeError `argument` for an array that does not fit.
   */
  tensor<T extends TensorType>(type: T, data: TensorArrays[T], dims: readonly number[]): Tensor<T> {
    checkArray(type, data, dims);
    const { api, memory: info } = this.#native;
    const shape = cells(dims.length);
    for (const [i, dim] of dims.entries()) shape[i] = BigInt(dim);
    void data.buffer; // moves a small array off the heap
    const bytes = bytesOf(type, elementsOf(dims));
    const value = out(api, (memory) =>
      api.CreateTensorWithDataAsOrtValue(info, bytes === 0 ? null : data, bytes, argument(shape), dims.length, codeOf(type), memory),
    );
    const handle = new Handle(this.#native, "tensor", `a tensor (${type}, [${dims.join(", ")}])`, value, (pointer) =>
      api.ReleaseValue(pointer),
    );
    return new Tensor(type, data, Object.freeze([...dims]), handle);
  }

  /**
   * Prepares a model, given as its bytes or as the path of its file, on another thread. Throws OnnxRuntimeError `argument` for options that are wrong in
   * themselves, `released` for a device that is gone, `runtime` for a model or options that ONNX Runtime or the provider refuses.
   */
  async createSession(model: Uint8Array | string, options: SessionOptions = {}): Promise<Session> {
    checkOptions(options);
    const { api, env } = this.#native;
    const { device } = options;
    if (device && handleOf(device, "device").owner !== this.#native)
      throw new OnnxRuntimeError("argument", "the device is of another library");
    const source = modelArgument(model);
    const count = (change: number): void => {
      if (device) this.#sessions.set(device, (this.#sessions.get(device) ?? 0) + change);
    };
    count(1); // from here on its library stays
    let settings: bigint | undefined;
    let made = false;
    try {
      settings = this.#settings(options);
      const result = cells(1);
      const status =
        typeof source === "string"
          ? await call(api.CreateSession, [env, source, settings, result], [])
          : await call(api.CreateSessionFromArray, [env, source, source.byteLength, settings, result], []);
      check(api, status);
      const make = <T extends TensorType>(type: T, data: TensorArrays[T], dims: readonly number[]): Tensor<T> =>
        this.tensor(type, data, dims);
      made = true;
      return new Session(this.#native, at(result), make, () => count(-1));
    } finally {
      if (!made) count(-1);
      if (settings !== undefined) api.ReleaseSessionOptions(settings);
    }
  }

  async #register(name: string, file: string): Promise<readonly Device[]> {
    checkText("a provider's name", name);
    checkText("a library's path", file);
    const path = resolve(file);
    if (name === "") throw new OnnxRuntimeError("argument", "a provider's name is empty");
    const known = this.#registered.get(name);
    if (known?.path === path) return known.devices;
    if (known) throw new OnnxRuntimeError("provider", `another provider is registered as ${name} already: ${known.path}`);
    const alias = [...this.#registered].find(([, other]) => other.path === path)?.[0];
    if (alias !== undefined) throw new OnnxRuntimeError("provider", `${path} is registered as ${alias} already`);
    if (!existsSync(path)) throw new OnnxRuntimeError("provider", `there is no file ${path}`);
    const devices = await this.#load(path);
    this.#registered.set(name, { path, devices });
    return devices;
  }

  /** Loads a library into the process, unless some thread has done so, under its path as a name that nothing else has. */
  async #load(path: string): Promise<readonly Device[]> {
    const before = this.#unregistered.get(path);
    if (before) {
      this.#unregistered.delete(path);
      for (const pointer of before) this.#hidden.delete(pointer);
      return this.#devicesAt(before);
    }
    const ofPath = (): Device[] => this.devices().filter(({ metadata }) => metadata.library_path === path);
    const present = this.devices();
    if (ofPath().length > 0) return ofPath();
    const { api, env } = this.#native;
    try {
      check(api, await call(api.RegisterExecutionProviderLibrary, [env, path, path], []));
    } catch (cause) {
      const elsewhere = ofPath(); // another thread was quicker
      if (elsewhere.length > 0) return elsewhere;
      const message = `${path} cannot be registered as a provider: ${(cause as Error).message}`;
      throw new OnnxRuntimeError("provider", message, {
        cause,
        ...(cause instanceof OnnxRuntimeError && cause.status !== undefined && { status: cause.status }),
      });
    }
    return this.devices().filter((device) => !present.includes(device));
  }

  /** Native session options; whoever asks releases them. */
  #settings({ device, providerOptions = {}, threads = 0, config = {}, wholeOnDevice = false }: SessionOptions): bigint {
    const { api, env } = this.#native;
    const settings = out(api, (memory) => api.CreateSessionOptions(memory));
    try {
      check(api, api.SetSessionLogSeverityLevel(settings, LOG_FATAL));
      check(api, api.SetSessionGraphOptimizationLevel(settings, OPTIMIZE_ALL));
      check(api, api.SetIntraOpNumThreads(settings, threads));
      const entries = { ...config, ...(wholeOnDevice && { "session.disable_cpu_ep_fallback": "1" }) };
      for (const [key, value] of Object.entries(entries)) check(api, api.AddSessionConfigEntry(settings, key, value));
      if (device) {
        const list = cells(1);
        list[0] = handleOf(device, "device").pointer();
        const [keys, values] = [cStrings(Object.keys(providerOptions)), cStrings(Object.values(providerOptions))];
        const count = keys.texts.length;
        const [names, texts] = [argument(keys.addresses), argument(values.addresses)];
        check(api, api.SessionOptionsAppendExecutionProvider_V2(settings, env, list, 1, names, texts, count));
      }
      return settings;
    } catch (error) {
      api.ReleaseSessionOptions(settings);
      throw error;
    }
  }
}

// Errors are thrown with their messages; what the log adds comes on standard error.
const LOG_FATAL = 4;
const OPTIMIZE_ALL = 99;
const ARENA_ALLOCATOR = 1;
const DEFAULT_MEMORY = 0;

const loaded = new Map<string, OnnxRuntime>();

/**
 * Loads ONNX Runtime: the library of onnxruntime-node, or the one at a path. It stays loaded; asked for again, the same object is given.
 * Throws OnnxRuntimeError `library` or `version`.
 */
export function loadOnnxRuntime(options: { readonly library?: string } = {}): OnnxRuntime {
  const path = resolve(options.library ?? bundledLibrary());
  const runtime = loaded.get(path) ?? new OnnxRuntime(path);
  loaded.set(path, runtime);
  return runtime;
}

/** A copy of a model's bytes, which their owner may change while they are read, or the path of its file. */
function modelArgument(model: Uint8Array | string): Uint8Array | string {
  if (typeof model === "string") {
    checkText("a model's path", model);
    const path = resolve(model);
    if (existsSync(path)) return path;
    throw new OnnxRuntimeError("argument", `there is no file ${path}`);
  }
  if (!(model instanceof Uint8Array)) throw new OnnxRuntimeError("argument", `a model is its bytes or a path, not ${kindOf(model)}`);
  if (model.byteLength === 0) throw new OnnxRuntimeError("argument", "the model has no bytes");
  const copy = new Uint8Array(new ArrayBuffer(Math.max(model.byteLength, 128)), 0, model.byteLength);
  copy.set(model);
  return copy;
}

function checkOptions(options: SessionOptions): void {
  if (typeof options !== "object" || options === null)
    throw new OnnxRuntimeError("argument", `session options are an object, not ${kindOf(options)}`);
  const { device, threads = 0, providerOptions = {}, config = {} } = options;
  if (!Number.isInteger(threads) || threads < 0 || threads > 1024)
    throw new OnnxRuntimeError("argument", `threads are a whole number from 0 to 1024, not ${kindOf(threads)}`);
  if (device !== undefined) handleOf(device, "device");
  for (const [what, pairs] of Object.entries({ "the provider option": providerOptions, "the configuration entry": config })) {
    if (typeof pairs !== "object" || pairs === null) throw new OnnxRuntimeError("argument", `${what}s are an object, not ${kindOf(pairs)}`);
    for (const [key, value] of Object.entries(pairs)) {
      checkText(`a name of ${what}`, key);
      checkText(`${what} ${key}`, value);
    }
  }
  if (Object.keys(providerOptions).length > 0 && !device)
    throw new OnnxRuntimeError("argument", "provider options are given without a device");
}
