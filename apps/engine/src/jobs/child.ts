import { reportOf } from "../errors.ts";
import type { FromEngine, JobName, RunJob, StartMessage, ToEngine } from "./messages.ts";

// The entry of the engine process. A terminal sends Ctrl-C to the command and to this process alike; the command says when to stop.
process.on("SIGINT", () => {});
// The command is gone: nobody is left to work for.
process.on("disconnect", () => process.exit(1));

/** Each job is loaded when it is asked for. */
const JOBS: { readonly [K in JobName]: () => Promise<RunJob<K>> } = {
  prune: async () => (await import("./run-prune.ts")).runPrune,
  calibrate: async () => (await import("./run-calibrate.ts")).runCalibrate,
  sweep: async () => (await import("./run-sweep.ts")).runSweep,
  compare: async () => (await import("./run-compare.ts")).runCompare,
  merge: async () => (await import("./run-merge.ts")).runMerge,
  eval: async () => (await import("./run-eval.ts")).runEval,
  inspect: async () => (await import("./run-inspect.ts")).runInspect,
  report: async () => (await import("./run-report.ts")).runReport,
  preview: async () => (await import("./run-preview.ts")).runPreview,
  demo: async () => (await import("./run-demo.ts")).runDemo,
  plugins: async () => (await import("./run-plugins.ts")).runPlugins,
  choices: async () => (await import("./run-backends.ts")).runChoices,
  backend: async () => (await import("./run-backends.ts")).runBackend,
  providers: async () => (await import("./run-providers.ts")).runProviders,
};

const controller = new AbortController();

process.on("message", (message: ToEngine) => {
  if (message.type === "cancel") controller.abort();
  else void work(message);
});

async function work<K extends JobName>({ job, request, names }: StartMessage<K>): Promise<void> {
  let answer: FromEngine<K>;
  try {
    if (names.size > 0) (await import("@secateur/pipeline")).showPathsAs(names);
    const run = await JOBS[job]();
    const result = await run(request, { signal: controller.signal, emit: (event) => send<K>({ type: "event", event }) });
    answer = { type: "done", result };
  } catch (error) {
    answer = { type: "failed", error: reportOf(error) };
  }
  send<K>(answer, () => process.exit(0));
}

function send<K extends JobName>(message: FromEngine<K>, sent: () => void = () => {}): void {
  if (process.connected) process.send?.(message, undefined, undefined, sent);
}
