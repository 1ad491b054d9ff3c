import { createReferenceBackend } from "@secateur/backend-reference";
import { instrument, type Program, programBuilder, TOKEN_WEIGHTS } from "@secateur/graph";
import { type Backend, type DeviceTensor, gram, inputNorm } from "@secateur/kit";
import { describeBackend } from "@secateur/kit/testing";
import { f32, seededRandom, sizeOf, type Tensor, tensor } from "@secateur/tensor";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createTfjsBackend } from "../src/index.ts";
import { failureOf } from "./support.ts";

tf.enableProdMode(); // without it tfjs prints advice on Node

// Leading axes of a and b: the cpu and wasm backends multiply wrong matrices where the last is repeated and those before it are not.
const INNER: (readonly [number, number])[] = [
  [3, 3],
  [3, 3],
  [3, 1],
];

for (const backend of ["cpu", "wasm"]) {
  const make = () => createTfjsBackend(tf, { backend });
  describeBackend({ describe, it }, `tfjs ${backend}`, make, { reference: async () => createReferenceBackend() });

  describe(`products on ${backend}`, () => {
    it("repeat the matrices of every leading axis that broadcasts", async () => {
      const [found, wanted] = [await make(), createReferenceBackend()];
      const axis = fc.constantFrom<readonly [number, number]>([1, 1], [3, 3], [3, 1], [1, 3]);
      const sizes = fc.tuple(fc.array(axis, { maxLength: 4 }), fc.nat(2), fc.integer({ min: 1, max: 4 }));
      await fc.assert(
        fc.asyncProperty(sizes, async ([lead, missing, m]) => {
          const a = [...lead.map(([size]) => size), m, 4];
          const b = [...lead.slice(Math.min(missing, lead.length)).map(([, size]) => size), 4, 2];
          const [y, expected] = [await multiplied(found, a, b), await multiplied(wanted, a, b)];
          expect(y.shape).toEqual(expected.shape);
          // Four terms of at most 1, in single precision.
          y.data.forEach((value, i) => {
            expect(Math.abs((value as number) - (expected.data[i] as number))).toBeLessThan(1e-6);
          });
        }),
        { numRuns: 60, examples: [[[INNER, 0, 3]]] },
      );
      await found.dispose();
    });
  });

  it.each(["pick", "scatterAdd"])(`refuses an index past the end in %s on ${backend}`, async (kind) => {
    const device = await make();
    const b = programBuilder({});
    const [x, index, value] = [b.input("x", ["rows", 4]), b.input("index", ["rows"], "I32"), b.input("value", ["rows"])];
    const executable = await device.compile(b.build({ y: kind === "pick" ? b.pick(x, index) : b.scatterAdd(x, index, value) }));
    for (const past of [4, -1]) {
      const inputs = {
        x: device.upload(f32([2, 4])),
        index: device.upload(tensor("I32", [2], Int32Array.of(3, past))),
        value: device.upload(f32([2])),
      };
      const [code, message] = await failureOf(() => device.run(executable, inputs));
      expect(code).toBe("backend");
      expect(message).toMatch(new RegExp(`^tfjs cannot compute ${kind}: .*${past}`));
    }
    await device.dispose();
  });

  describe(`memory on ${backend}`, () => {
    it("holds what was not released and nothing else", async () => {
      const before = tf.memory().numTensors;
      const device = await make();
      const executable = await device.compile(decoder());
      const inputs = Object.fromEntries(Object.entries(drawn()).map(([name, value]) => [name, device.upload(value)]));
      const uploaded = Object.keys(inputs).length;
      const outputs = Object.values(await device.run(executable, inputs));
      expect(tf.memory().numTensors - before).toBe(uploaded + outputs.length);
      await device.run(executable, inputs, { y: outputs[0] as (typeof outputs)[number] }).then((again) => {
        for (const [name, value] of Object.entries(again)) if (name !== "y") device.release(value);
      });
      expect(tf.memory().numTensors - before).toBe(uploaded + outputs.length);
      const wo = inputs.wo as (typeof outputs)[number];
      device.release(await device.matmul(wo, wo, { transposeA: true }));
      for (const value of outputs) device.release(value);
      expect(tf.memory().numTensors - before).toBe(uploaded);
      await device.dispose();
      expect(tf.memory().numTensors - before).toBe(0);
    });

    it.each(["sqrt", "softmax", "sigmoid", "sum", "clone"])("holds what it held before a run in which %s failed", async (name) => {
      const before = tf.memory().numTensors;
      const lost = () => {
        throw new Error("the device is lost");
      };
      const device = await createTfjsBackend({ ...tf, [name]: lost }, { backend });
      const executable = await device.compile(decoder());
      const inputs = Object.fromEntries(Object.entries(drawn()).map(([key, value]) => [key, device.upload(value)]));
      const y = device.upload(f32([2, 5, 8], new Float32Array(80).fill(3)));
      const [code, message] = await failureOf(() => device.run(executable, inputs, { y }));
      expect(code).toBe("backend");
      expect(message).toMatch(/^tfjs cannot (?:compute|give) \w+: the device is lost$/);
      expect(tf.memory().numTensors - before).toBe(Object.keys(inputs).length + 1);
      expect((await device.download(y)).data).toEqual(new Float32Array(80).fill(3));
      await device.dispose();
      expect(tf.memory().numTensors - before).toBe(0);
    });
  });
}

it("fails on wasm where a tensor does not fit, and goes on with what does", async () => {
  await tf.setBackend("wasm");
  const { wasm } = tf.backend() as unknown as { wasm: { _malloc: (bytes: number) => number } };
  const real = wasm._malloc;
  wasm._malloc = (bytes) => (bytes > 2 ** 20 ? 0 : real(bytes)); // as it answers at 4 GiB
  const device = await createTfjsBackend(tf, { backend: "wasm" });
  const before = tf.memory().numTensors;
  const message = "tfjs cannot multiply matrices: 4.0 MiB more do not fit in wasm's memory, 4 GiB at most";
  const [column, row] = [device.upload(f32([1024, 1])), device.upload(f32([1, 1024]))];
  expect(await failureOf(() => device.matmul(column, row))).toEqual(["backend", message]);
  expect(tf.memory().numTensors - before).toBe(2);
  expect((await device.download(await device.matmul(row, column))).data).toEqual(Float32Array.of(0));
  await device.dispose();
  wasm._malloc = real;
});

describe("a backend of tfjs by its name", () => {
  it("is refused where there is none", async () => {
    const [code, message] = await failureOf(() => createTfjsBackend(tf, { backend: "webgpu" }));
    expect([code, message]).toEqual(["not-found", 'tfjs has no backend "webgpu"; there are cpu, wasm']);
  });

  it("computes beside another one", async () => {
    const [cpu, wasm] = [await createTfjsBackend(tf, { backend: "cpu" }), await createTfjsBackend(tf, { backend: "wasm" })];
    const [a, b] = [cpu.upload(f32([1, 1], Float32Array.of(3))), wasm.upload(f32([1, 1], Float32Array.of(5)))];
    expect((await cpu.download(await cpu.matmul(a, a))).data).toEqual(Float32Array.of(9));
    expect((await wasm.download(await wasm.matmul(b, b))).data).toEqual(Float32Array.of(25));
    expect((await cpu.download(await cpu.matmul(a, a))).data).toEqual(Float32Array.of(9));
    expect(tf.getBackend()).toBe("cpu");
    for (const one of [cpu, wasm]) await one.dispose();
  });

  it("says what it is", async () => {
    const device = await createTfjsBackend(tf, { backend: "wasm", provider: "wasm 4", device: "gpu" });
    const version = tf.version_core;
    expect(device.description).toEqual({ engine: "tfjs", version, provider: "wasm 4", device: "gpu", precision: "f32" });
    await device.dispose();
  });
});

/** A block with attention and statistics, one of whose outputs is an input. */
function decoder(): Program {
  const b = programBuilder({ hidden: 8 });
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const normed = b.rmsNorm(x, b.weight("norm", ["hidden"]), 1e-5);
  const mixed = b.attention(normed, normed, normed, { heads: 2, kvHeads: 2, scale: 0.5, window: 0 });
  const y = b.add(x, b.silu(b.linear(mixed, b.weight("wo", ["hidden", "hidden"]))));
  return instrument(b.build({ y, again: y, x }), [{ tap: 0, reductions: [inputNorm, gram] }]);
}

function drawn(): Record<string, ReturnType<typeof f32>> {
  return { x: random([2, 5, 8], 1), norm: random([8], 2), wo: random([8, 8], 3), [TOKEN_WEIGHTS]: random([2, 5], 4) };
}

/** Numbers in [0, 1). */
function random(shape: readonly number[], seed: number): ReturnType<typeof f32> {
  const { next } = seededRandom(seed);
  return f32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => next()),
  );
}

/** The product of two stacks of matrices, by a program. */
async function multiplied(backend: Backend, a: readonly number[], b: readonly number[]): Promise<Tensor> {
  const builder = programBuilder({});
  const program = builder.build({ y: builder.matmul(builder.input("a", a), builder.input("b", b)) });
  const inputs = { a: backend.upload(random(a, 1)), b: backend.upload(random(b, 2)) };
  const { y } = await backend.run(await backend.compile(program), inputs);
  return backend.download(y as DeviceTensor);
}
