import { type Backend, SecateurError } from "@secateur/kit";
import { type Device, loadOnnxRuntime, type OnnxRuntime, OnnxRuntimeError } from "@secateur/onnxruntime-plugin";
import { createBackendOn } from "./backend.ts";
import { onCpu, type Placement, type PlacementOptions, type Precision, placementOn, precisionsOf } from "./placement.ts";
import { defaultProvidersFolder, type InstalledProvider, installedProviders, loadProvider, noProvider } from "./providers.ts";
import { LEAK, type SelfTest, selfTest, TOLERANCE } from "./self-test.ts";

/** What the backend can be told. */
export interface OnnxRuntimeOptions extends PlacementOptions {
  /** `cpu`, the name of a provider that was added, or `auto`: the fastest that passes the self-test, where it is clearly faster than `cpu`. */
  readonly provider: string;
  /** Only devices of this kind. */
  readonly device?: Device["kind"] | undefined;
  /** What products are computed in; `auto` takes what the device is fastest in. */
  readonly compute: Precision | "auto";
  /** Where the added providers are; the user's place when left out. */
  readonly providersFolder?: string | undefined;
}

/**
 * Opens ONNX Runtime where the options say, by default on the fastest provider and in the precision that suits it. Throws SecateurError `usage`, `not-found` for a
 * provider that was not added, `unsupported` for one without a device here, and `backend` for one whose results are wrong.
 */
export async function createOnnxRuntimeBackend(given: Partial<OnnxRuntimeOptions> = {}): Promise<Backend> {
  const options: OnnxRuntimeOptions = { provider: "auto", compute: "auto", threads: 0, providerOptions: {}, ...given };
  const ort = openRuntime();
  const { threads, provider, compute } = options;
  const exactOnCpu = onCpu("f32", { threads, providerOptions: {} });
  if (provider === "cpu") {
    if (options.device !== undefined && options.device !== "cpu")
      throw new SecateurError("usage", `the provider cpu has no ${options.device}`);
    return createBackendOn(ort, { placement: onCpu(compute === "auto" ? "f32" : compute, options), exact: exactOnCpu, threads });
  }
  if (provider === "auto" && Object.keys(options.providerOptions).length > 0)
    throw new SecateurError("usage", "providerOptions are those of one provider: name it by the option provider");
  const installed = await installedProviders(options.providersFolder ?? defaultProvidersFolder());
  const placement = await (provider === "auto" ? fastest : named)(ort, installed, exactOnCpu, options);
  return createBackendOn(ort, { placement, exact: exactPlacement(placement, exactOnCpu, options), threads });
}

/** ONNX Runtime's library. Throws SecateurError `backend` when it does not load. */
export function openRuntime(): OnnxRuntime {
  try {
    return loadOnnxRuntime();
  } catch (cause) {
    if (!(cause instanceof OnnxRuntimeError)) throw cause;
    throw new SecateurError("backend", `ONNX Runtime does not load on this machine: ${cause.message}`, { cause });
  }
}

/** The one provider that is asked for: the fastest of its devices that passes. */
async function named(
  ort: OnnxRuntime,
  installed: readonly InstalledProvider[],
  exact: Placement,
  options: OnnxRuntimeOptions,
): Promise<Placement> {
  const found = installed.find(({ name }) => name === options.provider);
  if (!found)
    throw noProvider(
      options.provider,
      installed.map(({ name }) => name),
    );
  const tried: Tried[] = [];
  for (const placement of await placementsOf(ort, found, options)) tried.push(await attempt(ort, placement, exact, options.threads));
  const best = bestOf(tried);
  if (best) return best;
  throw new SecateurError("backend", `the provider ${found.name} fails the self-test: ${tried.map(({ failure }) => failure).join("; ")}`);
}

/** The fastest place of all; what does not load, or does not pass, is passed over. */
async function fastest(
  ort: OnnxRuntime,
  installed: readonly InstalledProvider[],
  exact: Placement,
  options: OnnxRuntimeOptions,
): Promise<Placement> {
  const placements: Placement[] = [];
  for (const provider of installed) {
    // `providers` shows what is wrong with one; here the others do the work.
    const own = await placementsOf(ort, provider, options).catch((): Placement[] => []);
    placements.push(...own);
  }
  const cpu = options.compute === "bf16" || (options.device ?? "cpu") !== "cpu" ? [] : [onCpu("f32", options)];
  const [only] = cpu;
  if (only && placements.length === 0) return only;
  const tried: Tried[] = [];
  for (const placement of [...cpu, ...placements]) tried.push(await attempt(ort, placement, exact, options.threads));
  const best = bestOf(tried);
  if (best) return best;
  const what = [options.compute === "bf16" ? "computes in bf16" : "", options.device === undefined ? "" : `has a ${options.device}`]
    .filter(Boolean)
    .join(" and ");
  const failures = tried.flatMap(({ placement, failure }) => (failure === undefined ? [] : [`${placement.name}: ${failure}`]));
  throw new SecateurError(
    "unsupported",
    `no provider here ${what}${failures.length > 0 ? ` (${failures.join("; ")})` : ""}: see \`secateur providers\``,
  );
}

/** The places that a provider offers for what is asked. */
async function placementsOf(ort: OnnxRuntime, provider: InstalledProvider, options: OnnxRuntimeOptions): Promise<Placement[]> {
  const { name } = provider;
  const devices = (await loadProvider(ort, provider)).filter(({ kind }) => kind === (options.device ?? kind));
  if (devices.length === 0) throw new SecateurError("unsupported", `the provider ${name} has no ${options.device} on this machine`);
  return devices.map((device) =>
    placementOn(name, device, options.compute === "auto" ? chosenPrecision(device) : options.compute, options),
  );
}

/** What `auto` computes in: docs/decisions/011 has the measurements. */
function chosenPrecision(device: Device): Precision {
  return precisionsOf(device).at(-1) ?? "f32";
}

// An added provider is taken when it is so many times as fast.
const CLEARLY = 1.2;

interface Tried {
  readonly placement: Placement;
  readonly result?: SelfTest;
  readonly failure?: string;
}

async function attempt(ort: OnnxRuntime, placement: Placement, exact: Placement, threads: number): Promise<Tried> {
  const where = `${placement.device?.kind ?? "cpu"} in ${placement.precision}`;
  try {
    const result = await selfTest(ort, { placement, exact, threads });
    const tolerance = TOLERANCE[placement.precision];
    if (result.leak > LEAK) return { placement, failure: `on its ${where} tokens see others that come after them` };
    if (result.error <= tolerance) return { placement, result };
    return { placement, failure: `on its ${where} results are off by ${result.error.toExponential(1)}, wanted at most ${tolerance}` };
  } catch (error) {
    if (!(error instanceof OnnxRuntimeError)) throw error;
    return { placement, failure: `on its ${where}: ${error.message}` };
  }
}

function bestOf(tried: readonly Tried[]): Placement | undefined {
  const passed = tried.flatMap(({ placement, result }) => (result ? [{ placement, milliseconds: result.milliseconds }] : []));
  const [best] = passed.toSorted((a, b) => a.milliseconds - b.milliseconds);
  // Where the processor's own kernels are about as fast they are taken, so that a choice does not hang on what else runs at the moment.
  const cpu = passed.find(({ placement }) => placement.device === undefined);
  return (cpu && best && cpu.milliseconds < CLEARLY * best.milliseconds ? cpu : best)?.placement;
}

/** Where single precision is computed beside a place that computes in less: on the same device, or, where that is a processor, by ONNX Runtime's own kernels for it. */
function exactPlacement(placement: Placement, onProcessor: Placement, options: OnnxRuntimeOptions): Placement {
  const { device, name } = placement;
  if (placement.precision === "f32") return placement;
  return device === undefined || device.kind === "cpu" ? onProcessor : placementOn(name, device, "f32", options);
}
