import { compareModels, type DistanceResult, type EvaluateOptions, type Evaluation, evaluate } from "@secateur/evaluate";
import type { Backend, Document, OpenModel } from "@secateur/kit";
import { formatFor } from "@secateur/kit/node";
import { describeModel } from "@secateur/models";
import { createEngine, type Engine } from "@secateur/runner";
import { taskDocuments } from "@secateur/tasks";
import { modelTokenizer } from "@secateur/text";
import { builtIns, openBackend } from "../wiring.ts";
import type { EvalOutcome, EvalRequest, JobContext } from "./messages.ts";

/** Measures a model on one data source, or its distance to another one. */
export async function runEval(request: EvalRequest, context: JobContext<"eval">): Promise<EvalOutcome> {
  const backend = await openBackend(builtIns().registry, request.backend, request.backendOptions);
  try {
    const evaluation = await withModel(
      request.model,
      (model): Promise<Evaluation | DistanceResult> =>
        request.against === undefined
          ? measureAlone(backend, model, request, context)
          : withModel(request.against, (other) => measureAgainst(backend, model, other, request, context)),
    );
    return { ...evaluation, backend: backend.description };
  } finally {
    await backend.dispose();
  }
}

async function withModel<T>(path: string, work: (model: OpenModel) => Promise<T>): Promise<T> {
  const format = await formatFor(builtIns().formats, path);
  const model = await format.open(path);
  try {
    return await work(model);
  } finally {
    await model.close();
  }
}

function measureAlone(backend: Backend, model: OpenModel, request: EvalRequest, context: JobContext<"eval">): Promise<Evaluation> {
  return withEngine(backend, model, (engine) =>
    evaluate(engine, () => modelTokenizer(model), documentsOf(request), optionsOf(request, context)),
  );
}

function measureAgainst(
  backend: Backend,
  model: OpenModel,
  other: OpenModel,
  request: EvalRequest,
  context: JobContext<"eval">,
): Promise<DistanceResult> {
  return withEngine(backend, model, (engine) =>
    withEngine(backend, other, (against) =>
      compareModels(engine, against, () => modelTokenizer(model), documentsOf(request), optionsOf(request, context)),
    ),
  );
}

async function withEngine<T>(backend: Backend, model: OpenModel, work: (engine: Engine) => Promise<T>): Promise<T> {
  const engine = createEngine(model, describeModel(model), backend);
  try {
    return await work(engine);
  } finally {
    await engine.release();
  }
}

function documentsOf({ data: source, fields, template }: EvalRequest): AsyncIterable<Document> {
  const reading = { source, ...(Object.keys(fields).length > 0 && { fields }), template };
  const report = { rows: 0, empty: 0, duplicates: 0 };
  return taskDocuments(reading, "evaluate", { loaders: builtIns().loaders, report, keepEmpty: true });
}

function optionsOf({ metric, seqLen, samples, maxTokens }: EvalRequest, { emit, signal }: JobContext<"eval">): EvaluateOptions {
  return {
    ...(metric !== undefined && { metric }),
    ...(seqLen !== undefined && { seqLen }),
    ...(samples !== undefined && { samples }),
    ...(maxTokens !== undefined && { maxTokens }),
    onProgress: (share) => emit({ type: "share", share }),
    signal,
  };
}
