import { setImmediate as pause } from "node:timers/promises";
import { reportOf } from "../errors.ts";
import { builtIns, openBackend } from "../wiring.ts";
import { answer, type Told } from "./answer.ts";
import type { AnswerRequest, FromAnswering, ToAnswering } from "./messages.ts";
import { createModels, type ServedModel, type ServedModels } from "./models.ts";
import { TooLong } from "./read-prompts.ts";

// The entry of the process that answers. A terminal sends Ctrl-C to the server and to this process alike; the server says when to end.
process.on("SIGINT", () => {});
// The server is gone: nobody is left to answer.
process.on("disconnect", () => process.exit(0));

/** A request that waits for its turn, or is being answered. */
interface Task {
  readonly id: number;
  readonly request: AnswerRequest;
  readonly control: AbortController;
  model?: ServedModel;
  told?: AsyncGenerator<Told, void, undefined>;
}

// So many requests are answered at once, a step of each in turn.
const TOGETHER = 4;
const tasks: Task[] = []; // in the order in which they came
let working = false;

process.on("message", (message: ToAnswering) => {
  if (message.type === "cancel") return tasks.find(({ id }) => id === message.id)?.control.abort();
  tasks.push({ id: message.id, request: message.request, control: new AbortController() });
  if (!working) void work();
});

/** Answers until no request is left. Nothing computes beside it: a backend does one thing at a time. */
async function work(): Promise<void> {
  working = true;
  const models = await openModels().catch((error: unknown) => {
    for (const { id } of tasks.splice(0)) send({ id, type: "failed", error: reportOf(error) });
  });
  while (models && tasks.length > 0) {
    for (const task of [...tasks]) {
      await pause(); // a step may hold the event loop, by which messages come
      if (task.told || task.control.signal.aborted || mayBegin(task, models)) await step(task, models);
    }
  }
  working = false;
}

let opened: ServedModels | undefined;

async function openModels(): Promise<ServedModels> {
  opened ??= createModels(await openBackend(builtIns().registry, "onnxruntime", {}));
  return opened;
}

function mayBegin({ request }: Task, models: ServedModels): boolean {
  return tasks.filter(({ told }) => told).length < TOGETHER && models.hasRoom(request.model);
}

/** Does the next piece of a request's work and tells what comes of it. */
async function step(task: Task, models: ServedModels): Promise<void> {
  const { id, request, control } = task;
  try {
    control.signal.throwIfAborted();
    if (!task.told) {
      send({ id, type: "begun" });
      task.model = await models.take(request.model);
      task.told = answer(task.model, request, control.signal);
    }
    const { done, value } = await task.told.next();
    if (!done) return send({ id, ...value });
    end(task, models, { id, type: "done" });
  } catch (error) {
    end(
      task,
      models,
      error instanceof TooLong ? { id, type: "too-long", message: error.message } : { id, type: "failed", error: reportOf(error) },
    );
  }
}

function end(task: Task, models: ServedModels, last: FromAnswering): void {
  tasks.splice(tasks.indexOf(task), 1);
  void task.told?.return();
  if (task.model) models.giveBack(task.model);
  send(last);
}

function send(message: FromAnswering): void {
  if (process.connected) process.send?.(message, undefined, undefined, () => {});
}
