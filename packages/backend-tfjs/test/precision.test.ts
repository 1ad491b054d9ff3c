import { createReferenceBackend } from "@secateur/backend-reference";
import { instrument, type Program, programBuilder, TOKEN_WEIGHTS } from "@secateur/graph";
import { type Backend, gram, inputNorm } from "@secateur/kit";
import { describeBackend } from "@secateur/kit/testing";
import { f32, seededRandom, sizeOf } from "@secateur/tensor";
import * as tf from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import { describe, expect, it } from "vitest";
import { createTfjsBackend, type Tfjs } from "../src/index.ts";
import { openTfjs } from "../src/open.ts";
import { failureOf } from "./support.ts";

tf.enableProdMode();

/** tfjs with products like those of a library that is set to bf16: what is multiplied is rounded first. */
const inBf16: Tfjs = { ...tf, matMul: ((a, b, ...flags) => tf.matMul(rounded(a), rounded(b), ...flags)) as Tfjs["matMul"] };

describe("products in bf16", () => {
  it("are found out, and used where they are asked for", async () => {
    for (const [compute, precision] of [
      ["own", "bf16"],
      ["f32", "f32"],
    ] as const) {
      const backend = await createTfjsBackend(inBf16, { backend: "cpu", compute });
      expect(backend.description.precision).toBe(precision);
      await backend.dispose();
    }
    const exact = await createTfjsBackend(tf, { backend: "cpu", compute: "own" });
    expect(exact.description.precision).toBe("f32");
    await exact.dispose();
  });

  // Where they are not asked for, all is in single precision.
  describeBackend({ describe, it }, "tfjs on a library in bf16", () => createTfjsBackend(inBf16, { backend: "cpu" }), {
    reference: async () => createReferenceBackend(),
  });

  it("leave sums over tokens, exact programs and a solver's products in single precision", async () => {
    const backend = await createTfjsBackend(inBf16, { backend: "cpu", compute: "own" });
    const trusted = createReferenceBackend();
    const outputs = Object.entries(await ran(backend, block()));
    const wanted = await ran(trusted, block());
    expect(outputs.map(([name]) => name).sort()).toEqual(Object.keys(wanted).sort());
    // The first tap reads an input of the block, which no product has rounded: its sums are those of single precision.
    for (const [name, found] of outputs) {
      const off = distance(found, wanted[name] as Float32Array);
      if (name === "y") expect(off).toBeGreaterThan(1e-4);
      else expect(off).toBeLessThan(1e-5);
    }
    expect(distance((await ran(backend, block(), true)).y as Float32Array, wanted.y as Float32Array)).toBeLessThan(1e-5);

    const x = drawn().x;
    const matrix = f32([10, 8], x.data);
    const [there, known] = [backend.upload(matrix), trusted.upload(matrix)];
    const [product, expected] = [
      await backend.download(await backend.matmul(there, there, { transposeA: true })),
      await trusted.download(await trusted.matmul(known, known, { transposeA: true })),
    ];
    expect(distance(product.data as Float32Array, expected.data as Float32Array)).toBeLessThan(1e-6);
    await backend.dispose();
    await trusted.dispose();
  });

  it("are refused where there is nothing better for sums, or where they are worse", async () => {
    const einsum = ((equation, ...of) => tf.einsum(equation, ...of.map(rounded))) as Tfjs["einsum"];
    const [, message] = await failureOf(() => createTfjsBackend({ ...inBf16, einsum }, { backend: "cpu", compute: "own" }));
    expect(message).toBe("the backend cpu of tfjs has no products in single precision, which sums and solvers need");
    const wrong = ((a, b, ...flags) => tf.mul(tf.matMul(a, b, ...flags), 1.1)) as Tfjs["matMul"];
    const failed = await failureOf(() => createTfjsBackend({ ...tf, matMul: wrong }, { backend: "cpu" }));
    expect(failed).toEqual(["backend", "products of tfjs are off by 1.0e-1 of their norm, wanted at most 0.01"]);
  });
});

describe("a runtime that cannot do what is asked", () => {
  it("is refused by what it can", async () => {
    const [code, message] = await failureOf(() => openTfjs({ runtime: "wasm", compute: "bf16" }));
    expect(code).toBe("unsupported");
    expect(message).toMatch(/^the tfjs runtime wasm computes in single precision only, bf16 is asked for/);
    const [, threads] = await failureOf(() => openTfjs({ runtime: "cpu", threads: 3 }));
    expect(threads).toMatch(/^the tfjs runtime cpu runs on one thread, 3 are asked for/);
  });
});

/** A linear layer with statistics of what it reads. */
function block(): Program {
  const b = programBuilder({ hidden: 8 });
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const y = b.linear(x, b.weight("w", ["hidden", "hidden"]));
  return instrument(b.build({ y }), [{ tap: 0, reductions: [inputNorm, gram] }]);
}

function drawn(): { readonly x: ReturnType<typeof f32> } & Record<string, ReturnType<typeof f32>> {
  return { x: random([2, 5, 8], 1), w: random([8, 8], 2), [TOKEN_WEIGHTS]: random([2, 5], 3) };
}

function random(shape: readonly number[], seed: number): ReturnType<typeof f32> {
  const { next } = seededRandom(seed);
  return f32(
    shape,
    Float32Array.from({ length: sizeOf(shape) }, () => next()),
  );
}

async function ran(backend: Backend, program: Program, exact = false): Promise<Record<string, Float32Array>> {
  const executable = await backend.compile(program, { exact });
  const inputs = Object.fromEntries(Object.entries(drawn()).map(([name, value]) => [name, backend.upload(value)]));
  const found: Record<string, Float32Array> = {};
  for (const [name, value] of Object.entries(await backend.run(executable, inputs)))
    found[name] = (await backend.download(value)).data as Float32Array;
  return found;
}

/** ‖a − b‖ / ‖b‖ */
function distance(a: Float32Array, b: Float32Array): number {
  const square = (values: readonly number[]): number => values.reduce((sum, value) => sum + value ** 2, 0);
  return Math.sqrt(square(Array.from(b, (value, i) => (a[i] as number) - value)) / square([...b]));
}

/** Values of eight bits. */
function rounded<T extends tf.TensorLike | tf.Tensor>(x: T): tf.Tensor {
  const given = x as tf.Tensor;
  const data = Float32Array.from(given.dataSync());
  const bits = new Uint32Array(data.buffer);
  for (let i = 0; i < bits.length; i++) bits[i] = ((bits[i] as number) + 0x7fff + (((bits[i] as number) >> 16) & 1)) & 0xffff0000;
  return tf.tensor(data, given.shape);
}
