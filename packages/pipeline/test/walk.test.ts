import { mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { createReferenceBackend } from "@secateur/backend-reference";
import type { Backend, DeviceTensor, Executable } from "@secateur/kit";
import { expect, it } from "vitest";
import { type PruneEvent, partialFolder } from "../src/index.ts";
import { scratchFile } from "../src/journal.ts";
import { run } from "./run.ts";
import { failureOf, goldenRecipe, newFolder, taskA } from "./support.ts";

/** A backend that knows what is on its device. */
function counting(): { backend: Backend; alive: () => number } {
  const backend = createReferenceBackend();
  const tensors = new Set<DeviceTensor>();
  const executables = new Map<Executable, Executable>(); // the one given out → the backend's own
  const held = <T extends DeviceTensor>(tensor: T): T => {
    tensors.add(tensor);
    return tensor;
  };
  return {
    alive: () => tensors.size + executables.size,
    backend: {
      ...backend,
      upload: (tensor) => held(backend.upload(tensor)),
      release(tensor) {
        tensors.delete(tensor);
        backend.release(tensor);
      },
      async compile(program) {
        const executable = await backend.compile(program);
        const counted: Executable = {
          program,
          release() {
            executables.delete(counted);
            return executable.release();
          },
        };
        executables.set(counted, executable);
        return counted;
      },
      async run(executable, inputs, into) {
        const outputs = await backend.run(executables.get(executable) as Executable, inputs, into);
        for (const output of Object.values(outputs)) held(output);
        return outputs;
      },
    },
  };
}

const recipe = goldenRecipe("llama", { tasks: [taskA()] });

it.each(["block", "linear", "none"] as const)("leaves nothing on the device in mode %s", async (propagate) => {
  const { backend, alive } = counting();
  await run({ ...recipe, propagate }, join(await newFolder(), "out"), backend, {}, 64);
  expect(alive()).toBe(0);
  await backend.dispose();
});

it("leaves nothing on the device when it is cancelled", async () => {
  for (const [phase, block] of [
    ["calibrate", 0],
    ["propagate", 0],
    ["calibrate", 2],
  ] as const) {
    const { backend, alive } = counting();
    const stop = new AbortController();
    const emit = (event: PruneEvent): void => {
      if (event.type === "progress" && event.phase === phase && event.block === block) stop.abort();
    };
    const out = join(await newFolder(), "out");
    expect(await failureOf(() => run(recipe, out, backend, { emit, signal: stop.signal }, 64))).toEqual([
      "cancelled",
      "the run was cancelled",
    ]);
    expect(alive()).toBe(0);
    await backend.dispose();
  }
});

it("leaves nothing on the device when its scratch file cannot be taken away", async () => {
  const { backend, alive } = counting();
  const out = join(await newFolder(), "out");
  const scratch = scratchFile(partialFolder(out));
  const emit = (event: PruneEvent): void => {
    if (event.type !== "progress" || event.phase !== "propagate" || event.block !== 1) return;
    rmSync(scratch, { recursive: true });
    mkdirSync(scratch); // the walk goes on in the file that it holds open
  };
  await expect(run(recipe, out, backend, { emit }, 64, 0)).rejects.toThrow(/is a directory/);
  expect(alive()).toBe(0);
  await backend.dispose();
});

it("tells how far it is, and goes on telling where it stopped", async () => {
  const { backend } = counting();
  const out = join(await newFolder(), "out");
  const stop = new AbortController();
  const seen: [done: number, total: number][] = [];
  const emit = (event: PruneEvent): void => {
    if (event.type === "progress" && event.phase !== "check") seen.push([event.done, event.total]);
    if (event.type === "block" && event.block === 1) stop.abort();
  };
  await failureOf(() => run(recipe, out, backend, { emit, signal: stop.signal }, 64));
  const [stopped] = seen.at(-1) as [number, number];
  await run(recipe, out, backend, { emit: (event) => (stop.signal.aborted ? emit(event) : undefined) }, 64);
  const [done, total] = seen.at(-1) as [number, number];
  expect(done).toBe(total);
  expect(stopped).toBe((total * 4) / 5); // of five passes, the last one is left
  await backend.dispose();
});
