import { type Dim, OP_KINDS, type ProgramBuilder, programBuilder, resolveShape, type Value } from "@secateur/graph";
import type { Backend } from "@secateur/kit";
import { allocate, seededRandom, sizeOf, tensor } from "@secateur/tensor";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createReferenceBackend } from "../src/index.ts";

interface Sizes {
  readonly batch: number;
  readonly tokens: number;
  readonly group: number;
  readonly kvHeads: number;
  readonly half: number;
  readonly window: number;
  readonly seed: number;
}

const sizes: fc.Arbitrary<Sizes> = fc.record({
  batch: fc.integer({ min: 1, max: 3 }),
  tokens: fc.integer({ min: 1, max: 12 }),
  group: fc.integer({ min: 1, max: 3 }),
  kvHeads: fc.integer({ min: 1, max: 3 }),
  half: fc.integer({ min: 1, max: 4 }),
  window: fc.integer({ min: 0, max: 14 }),
  seed: fc.nat(),
});

type Read = (name: string, ...shape: Dim[]) => Value;

/** Each fused op over inputs of these sizes. */
const WRITERS: Readonly<Record<string, (b: ProgramBuilder, read: Read, sizes: Sizes) => Value>> = {
  linear: (b, read) => b.linear(read("x", "batch", "tokens", "width"), read("w", 7, "width"), read("bias", 7)),
  rmsNorm: (b, read) => b.rmsNorm(read("x", "batch", "tokens", "width"), read("scale", "width"), 1e-5),
  rope: (b, read, { group, kvHeads }) =>
    b.rope(read("x", "batch", "tokens", "width"), read("cos", "tokens", "half"), read("sin", "tokens", "half"), group * kvHeads),
  attention: (b, read, { group, kvHeads, half, window }) => {
    const [q, k, v] = [
      read("q", "batch", "tokens", "width"),
      read("k", "batch", "tokens", "kvWidth"),
      read("v", "batch", "tokens", "kvWidth"),
    ];
    return b.attention(q, k, v, { heads: group * kvHeads, kvHeads, scale: (2 * half) ** -0.5, window });
  },
  cachedAttention: (b, read, { group, kvHeads, half, window }) => {
    const [q, k, v] = [
      read("q", "batch", "tokens", "width"),
      read("k", "batch", "tokens", "kvWidth"),
      read("v", "batch", "tokens", "kvWidth"),
    ];
    const [keys, values] = [read("keys", "batch", kvHeads, 7, 2 * half), read("values", "batch", kvHeads, 7, 2 * half)];
    const past = { keys, values, seen: b.input("seen", ["batch", "tokens", 7], "BOOL") };
    return b.cachedAttention(q, k, v, past, { heads: group * kvHeads, kvHeads, scale: (2 * half) ** -0.5, window });
  },
  softmax: (b, read) => b.softmax(read("x", "batch", "tokens", "width")),
  sigmoid: (b, read) => b.sigmoid(read("x", "batch", "tokens", "width")),
  silu: (b, read) => b.silu(read("x", "batch", "tokens", "width")),
  tokenLoss: (b, read) => b.tokenLoss(read("logits", "batch", "tokens", "width"), b.input("target", ["batch", "tokens"], "I32")),
};

async function runBothWays(kind: string, given: Sizes): Promise<[number[], number[]]> {
  const { batch, tokens, group, kvHeads, half, seed } = given;
  const b = programBuilder({ half, width: group * kvHeads * half * 2, kvWidth: kvHeads * half * 2 });
  const write = WRITERS[kind];
  if (!write) throw new Error(`no program is written for ${kind}`);
  const program = b.build({ y: write(b, (name, ...shape) => b.input(name, shape), given) });
  const random = seededRandom(seed);
  const tensors = program.inputs.map(({ name, type, shape }) => {
    const fixed = resolveShape(shape, { ...program.axes, batch, tokens });
    const data = allocate(type, sizeOf(fixed));
    const draw = { F32: () => random.next() * 6 - 3, I32: () => random.below(program.axes.width ?? 0), BOOL: () => random.below(2) }[type];
    for (let i = 0; i < data.length; i++) data[i] = draw();
    return [name, tensor(type, fixed, data)] as const;
  });
  const run = async (backend: Backend): Promise<number[]> => {
    const inputs = Object.fromEntries(tensors.map(([name, one]) => [name, backend.upload(one)]));
    const { y } = await backend.run(await backend.compile(program), inputs);
    return Array.from((await backend.download(y ?? expect.fail("there is no y"))).data as Float32Array);
  };
  return [await run(createReferenceBackend()), await run(createReferenceBackend({ expand: true }))];
}

describe("every fused op equals its expansion into primitives", () => {
  it.each(OP_KINDS.fused.map((kind) => [kind]))("%s", async (kind) => {
    await fc.assert(
      fc.asyncProperty(sizes, async (given) => {
        const [fused, expanded] = await runBothWays(kind, given);
        // The expansion stores each step in single precision: some roundings of 6e-8 of values up to a few hundred.
        const bound = 3e-6 * Math.max(1, ...fused.map(Math.abs));
        expect(expanded.length).toBe(fused.length);
        for (const [i, value] of fused.entries()) expect(Math.abs((expanded[i] as number) - value)).toBeLessThanOrEqual(bound);
      }),
      { numRuns: 60 },
    );
  });
});

describe("attention", () => {
  it("does not look ahead: later tokens change nothing of earlier ones", async () => {
    const b = programBuilder({});
    const q = b.input("q", ["batch", "tokens", 4]);
    const program = b.build({ y: b.attention(q, q, q, { heads: 2, kvHeads: 2, scale: 1, window: 0 }) });
    const backend = createReferenceBackend();
    const executable = await backend.compile(program);
    const random = seededRandom(1);
    const data = Float32Array.from({ length: 24 }, () => random.next());
    const first = async (tokens: number): Promise<Float32Array> => {
      const { y } = await backend.run(executable, { q: backend.upload(tensor("F32", [1, tokens, 4], data.slice(0, tokens * 4))) });
      return (await backend.download(y ?? expect.fail("there is no y"))).data.slice(0, 12) as Float32Array;
    };
    expect(await first(6)).toEqual(await first(3));
  });
});
