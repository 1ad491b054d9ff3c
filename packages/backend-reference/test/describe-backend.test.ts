import type { Backend, DeviceTensor } from "@secateur/kit";
import { describeBackend } from "@secateur/kit/testing";
import { f32, type Tensor, tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../src/index.ts";

/** The titles of the tests of the suite that fail for a backend, with their messages. */
async function failuresOf(make: () => Backend): Promise<Map<string, string>> {
  const tests: [string, () => void | Promise<void>][] = [];
  const api = { describe: (_: string, body: () => void) => body(), it: (...test: (typeof tests)[number]) => void tests.push(test) };
  describeBackend(api, "deviant", async () => make());
  const failures = new Map<string, string>();
  for (const [title, body] of tests) {
    try {
      await body();
    } catch (error) {
      failures.set(title, (error as Error).message);
    }
  }
  return failures;
}

/** The reference with some of its methods replaced. */
function deviant(change: (good: Backend) => Partial<Backend>): () => Backend {
  return () => {
    const good = createReferenceBackend();
    return { ...good, ...change(good) };
  };
}

/** The same outputs, changed on the way. */
async function altered(
  backend: Backend,
  outputs: Record<string, DeviceTensor>,
  change: (data: Tensor["data"]) => void,
): Promise<typeof outputs> {
  const changed: Record<string, DeviceTensor> = {};
  for (const [name, value] of Object.entries(outputs)) {
    const host = await backend.download(value);
    change(host.data);
    changed[name] = backend.upload(host as Tensor<"F32">);
  }
  return changed;
}

describe("describeBackend", () => {
  it("finds nothing wrong with the reference", async () => expect(await failuresOf(createReferenceBackend)).toEqual(new Map()));

  let runs = 0;
  it.each<[string, (good: Backend) => Partial<Backend>, RegExp]>([
    [
      "is a little off",
      (good) => ({
        run: async (...given) =>
          altered(good, await good.run(...given), (data) => {
            if (data instanceof Float32Array) data[data.length - 1] = (data.at(-1) as number) + 1e-3;
          }),
      }),
      /^add of a row$/,
    ],
    [
      "gives something else each time",
      (good) => ({
        run: async (...given) =>
          altered(good, await good.run(...given), (data) => {
            if (data instanceof Float32Array) data[0] = (data[0] as number) * (1 + 1e-6 * (runs++ % 7));
          }),
      }),
      /same bits twice/,
    ],
    [
      "changes its inputs",
      (good) => ({
        run: async (executable, inputs, into) => {
          const outputs = await good.run(executable, inputs, into);
          const { x } = inputs;
          if (x && outputs.y?.shape.join() === x.shape.join()) await good.run(executable, inputs, { y: x });
          return outputs;
        },
      }),
      /leaves its inputs as they were/,
    ],
    ["ignores `into`", (good) => ({ run: (executable, inputs) => good.run(executable, inputs) }), /^writes an output into/],
    ["counts padding", (good) => ({ run: (executable, inputs) => good.run(executable, countAll(good, inputs)) }), /tokens of weight 0/],
    ["ignores a flag", (good) => ({ matmul: (a, b, options) => good.matmul(a, b, { ...options, transposeB: false }) }), /^gives a · bᵀ$/],
    ["loses the sign of zero", (good) => ({ upload: (given) => good.upload(unsigned(given)) }), /^gives back F32 of shape \[2, 4\]/],
    ["works after it was disposed", (good) => ({ dispose: async () => void good }), /after it was disposed/],
    ["keeps what is released", () => ({ release: () => undefined }), /were released or are of no backend/],
    [
      "fails with errors of its engine",
      (good) => ({
        run: async (...given) => {
          try {
            return await good.run(...given);
          } catch (error) {
            throw new Error(`engine: ${(error as Error).message}`);
          }
        },
      }),
      /missing or do not fit/,
    ],
  ])("finds a backend that %s", async (_, change, title) => {
    const failures = await failuresOf(deviant(change));
    expect([...failures.keys()].filter((failed) => title.test(failed))).not.toEqual([]);
  });

  it("says which law failed, with the numbers", async () => {
    const failures = await failuresOf(deviant((good) => ({ matmul: async () => good.upload(f32([7, 5])) })));
    expect(failures.get("gives a · b")).toMatch(/^the product: element 0 is 0, wanted -?[\d.]+ within [\d.e-]+$/);
  });
});

function countAll(backend: Backend, inputs: Readonly<Record<string, DeviceTensor>>): Record<string, DeviceTensor> {
  const { tokenWeights } = inputs;
  if (!tokenWeights) return { ...inputs };
  const ones = new Float32Array(tokenWeights.shape.reduce((a, b) => a * b)).fill(1);
  return { ...inputs, tokenWeights: backend.upload(f32(tokenWeights.shape, ones)) };
}

function unsigned(given: Tensor<"F32" | "I32" | "BOOL">): Tensor<"F32" | "I32" | "BOOL"> {
  return given.dtype === "F32"
    ? tensor(
        "F32",
        given.shape,
        (given.data as Float32Array).map((value) => value + 0),
      )
    : given;
}
