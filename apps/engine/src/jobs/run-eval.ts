import { type Evaluation, evaluate } from "@secateur/evaluate";
import type { Backend, OpenModel } from "@secateur/kit";
import { formatFor } from "@secateur/kit/node";
import { describeModel } from "@secateur/models";
import { createEngine } from "@secateur/runner";
import { taskDocuments } from "@secateur/tasks";
import { modelTokenizer } from "@secateur/text";
import { builtIns, openBackend } from "../wiring.ts";
import type { EvalOutcome, EvalRequest, JobContext } from "./messages.ts";

/** Measures a model on one data source. */
export async function runEval(request: EvalRequest, context: JobContext<"eval">): Promise<EvalOutcome> {
  const backend = await openBackend(builtIns().registry, request.backend, request.backendOptions);
  try {
    return { ...(await measureOn(backend, request, context)), backend: backend.description };
  } finally {
    await backend.dispose();
  }
}

/** The same on a backend that is open. */
async function measureOn(
  backend: Backend,
  request: Omit<EvalRequest, "backend" | "backendOptions">,
  context: JobContext<"eval">,
): Promise<Evaluation> {
  const format = await formatFor(builtIns().formats, request.model);
  const model = await format.open(request.model);
  try {
    return await measureModel(backend, model, request, context);
  } finally {
    await model.close();
  }
}

/** How a model is measured on one data source. */
export type Measurement = Omit<EvalRequest, "model" | "backend" | "backendOptions">;

/** The same of a model that is open. */
export async function measureModel(
  backend: Backend,
  model: OpenModel,
  request: Measurement,
  { emit, signal }: JobContext<"eval">,
): Promise<Evaluation> {
  const { loaders } = builtIns();
  const { data: source, fields, template } = request;
  const reading = { source, ...(Object.keys(fields).length > 0 && { fields }), template };
  const report = { rows: 0, empty: 0, duplicates: 0 };
  const documents = taskDocuments(reading, "evaluate", { loaders, report, keepEmpty: true });
  const engine = createEngine(model, describeModel(model), backend);
  try {
    return await evaluate(engine, () => modelTokenizer(model), documents, {
      ...(request.metric !== undefined && { metric: request.metric }),
      ...(request.seqLen !== undefined && { seqLen: request.seqLen }),
      ...(request.samples !== undefined && { samples: request.samples }),
      onProgress: (share) => emit({ type: "share", share }),
      signal,
    });
  } finally {
    await engine.release();
  }
}
