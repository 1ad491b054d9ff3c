import { type Evaluation, evaluate } from "@secateur/evaluate";
import type { Backend, Document } from "@secateur/kit";
import { formatFor, readDocuments } from "@secateur/kit/node";
import { describeModel } from "@secateur/models";
import { createEngine } from "@secateur/runner";
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
export async function measureOn(
  backend: Backend,
  request: Omit<EvalRequest, "backend" | "backendOptions">,
  { emit, signal }: JobContext<"eval">,
): Promise<Evaluation> {
  const { formats, loaders } = builtIns();
  const documents = readDocuments(loaders, request.data, loadOptions(request), { rows: 0, empty: 0, duplicates: 0 });
  const format = await formatFor(formats, request.model);
  const model = await format.open(request.model);
  try {
    const engine = createEngine(model, describeModel(model), backend);
    try {
      return await evaluate(engine, () => modelTokenizer(model), withoutStrayBlanks(documents), {
        ...(request.metric !== undefined && { metric: request.metric }),
        ...(request.seqLen !== undefined && { seqLen: request.seqLen }),
        ...(request.samples !== undefined && { samples: request.samples }),
        onProgress: (share) => emit({ type: "share", share }),
        signal,
      });
    } finally {
      await engine.release();
    }
  } finally {
    await model.close();
  }
}

function loadOptions({ fields, template }: Pick<EvalRequest, "fields" | "template">): {
  fields?: EvalRequest["fields"];
  template?: string;
  keepEmpty: true;
} {
  return { keepEmpty: true, ...(Object.keys(fields).length > 0 && { fields }), ...(template !== undefined && { template }) };
}

/** Empty rows are part of running text, where each adds a blank line; between rows of other kinds they are nothing. */
async function* withoutStrayBlanks(documents: AsyncIterable<Document>): AsyncGenerator<Document> {
  const blanks: Document[] = [];
  let text: boolean | undefined;
  for await (const document of documents) {
    const blank = document.kind === "text" && document.text === "";
    if (text === undefined && !blank) {
      text = document.kind === "text";
      if (text) yield* blanks;
    }
    if (text === undefined) blanks.push(document);
    else if (!blank || text) yield document;
  }
}
