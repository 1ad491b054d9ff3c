import { type Axes, OP_KINDS } from "@secateur/graph";
import { f32, seededRandom, type Tensor, tensor } from "@secateur/tensor";
import type { Backend } from "../contracts.ts";
import { type BackendCase, backendCase, blockCase, gradientCase, numbers, opCases } from "./backend-cases.ts";
import {
  expectClose,
  expectEqual,
  expectSame,
  type HostTensor,
  type Law,
  named,
  runOnce,
  uploadAll,
  withBackend,
} from "./backend-checks.ts";
import { describeRefusals } from "./backend-refusals.ts";
import { describeStatistics } from "./backend-statistics.ts";
import { evaluateProgram } from "./program-oracle.ts";
import type { TestApi } from "./test-api.ts";

/** How closely a backend is held to the definitions, and another backend to hold it to. */
export interface DescribeBackendOptions {
  /**
   * The largest error of an element, relative to the largest magnitude of its tensor or to 1, whichever is more. Default 1e-5: single precision
   * through the few ops and some dozen terms of a test's program. Statistics are held to a tenth of it.
   */
  readonly tolerance?: number;
  /** A backend that is trusted: a block of a larger size must give the same on both. */
  readonly reference?: () => Promise<Backend>;
}

/**
 * The contract of a backend as a test suite: transfers, every op at several sizes through one executable against a double-precision oracle, a
 * block with statistics at its taps, `into`, `matmul`, and what must be refused. Each test makes a backend of its own and disposes it.
 */
export function describeBackend(t: TestApi, name: string, make: () => Promise<Backend>, options: DescribeBackendOptions = {}): void {
  const { tolerance = 1e-5, reference } = options;
  const law: Law = (title, body) => t.it(title, () => withBackend(make, body));
  t.describe(`${name} as a backend`, () => {
    t.describe("transfers", () => describeTransfers(law));
    t.describe("ops", () => describeOps(t, law, tolerance));
    t.describe("a block", () => {
      describeBlock(law, tolerance, reference);
      describeStatistics(law, tolerance / 10);
    });
    t.describe("matmul", () => describeMatmul(law, tolerance));
    t.describe("refusals", () => describeRefusals(t, law, make));
  });
}

function describeTransfers(law: Law): void {
  const tensors: HostTensor[] = [
    f32([2, 4], Float32Array.of(0, -0, -0.5, 1e-38, 3.4e38, Number.NEGATIVE_INFINITY, Number.NaN, 7)),
    f32([], Float32Array.of(2.5)),
    tensor("I32", [3], Int32Array.of(-(2 ** 31), 0, 2 ** 31 - 1)),
    tensor("BOOL", [2, 1, 2], Uint8Array.of(1, 0, 0, 1)),
  ];
  for (const given of tensors) {
    law(`gives back ${given.dtype} of shape [${given.shape.join(", ")}] as it was uploaded`, async (backend) => {
      const there = backend.upload(given);
      expectSame("an uploaded tensor keeps its shape and type", there, given);
      const back = await backend.download(there);
      backend.release(there);
      expectEqual("a tensor comes back as it was uploaded", back, given);
    });
  }
  law("says what it is", async ({ name, description, preferredTokens }) => {
    const said = [name, description.engine, description.version, description.device, description.precision];
    if (said.some((text) => !text)) throw new Error(`name, engine, version, device and precision are said, found ${JSON.stringify(said)}`);
    if (!(preferredTokens > 0)) throw new Error(`preferredTokens is a number of tokens, found ${preferredTokens}`);
  });
}

/** The sizes that one executable is run with. */
const SIZES: readonly Axes[] = [1, 2, 3].flatMap((batch) => [1, 5, 17].map((tokens) => ({ batch, tokens })));

function describeOps(t: TestApi, law: Law, tolerance: number): void {
  const cases = opCases();
  t.it("every op of the table has a case here", () => {
    const seen = new Set(cases.flatMap(({ program }) => program.ops.map((op) => op.kind)));
    const missing = [...OP_KINDS.primitive, ...OP_KINDS.fused].filter((kind) => !seen.has(kind));
    if (missing.length > 0) throw new Error(`every op has a case, but there is none of ${missing.join(", ")}`);
  });
  for (const one of cases) law(one.name, (backend) => expectOracle(backend, one, tolerance));
}

/** Compiles once, and holds the outputs at every size to the oracle's. */
async function expectOracle(backend: Backend, one: BackendCase, tolerance: number): Promise<void> {
  const executable = await backend.compile(one.program);
  const random = seededRandom(1);
  for (const sizes of SIZES) {
    const inputs = one.draw(sizes, random);
    const found = await runOnce(backend, executable, inputs);
    for (const [output, wanted] of Object.entries(evaluateProgram(one.program, inputs, sizes))) {
      expectClose(`${one.name}, ${sizes.batch} × ${sizes.tokens} tokens, ${output}`, found[output], wanted, tolerance);
    }
  }
  await executable.release();
}

function describeBlock(law: Law, tolerance: number, reference: (() => Promise<Backend>) | undefined): void {
  const block = blockCase();
  law("runs as its ops say", (backend) => expectOracle(backend, block, tolerance));
  law("has the gradients that its ops say", (backend) => expectOracle(backend, gradientCase(block, ["x"]), tolerance));

  if (reference) {
    law("runs as on the reference", async (backend) => {
      const inputs = block.draw({ batch: 2, tokens: 100 }, seededRandom(2));
      const found = await runOnce(backend, await backend.compile(block.program), inputs);
      await withBackend(reference, async (trusted) => {
        const wanted = await runOnce(trusted, await trusted.compile(block.program), inputs);
        for (const [output, { shape, data }] of Object.entries(wanted)) {
          const grid = { type: "F32" as const, shape, data: Float64Array.from(data as Float32Array) };
          expectClose(`a block of 2 × 100 tokens gives ${output} as the reference`, found[output], grid, tolerance);
        }
      });
    });
  }

  law("gives the same bits twice and leaves its inputs as they were", async (backend) => {
    const inputs = block.draw({ batch: 2, tokens: 5 }, seededRandom(5));
    const executable = await backend.compile(block.program);
    const there = uploadAll(backend, inputs);
    const [once, again] = [await backend.run(executable, there), await backend.run(executable, there)];
    for (const [output, value] of Object.entries(once)) {
      expectEqual(`two runs give the same ${output}`, await backend.download(named(again, output)), await backend.download(value));
    }
    for (const [input, value] of Object.entries(inputs)) {
      expectEqual(`a run leaves ${input} as it was`, await backend.download(named(there, input)), value);
    }
  });

  law("does several things at once as it does them one by one", async (backend) => {
    const executable = await backend.compile(block.program);
    const random = seededRandom(9);
    const given = [1, 5, 17].map((tokens) => block.draw({ batch: 2, tokens }, random));
    const matrix = (rows: number, cols: number): HostTensor =>
      f32(
        [rows, cols],
        Float32Array.from({ length: rows * cols }, () => random.next() - 0.5),
      );
    const [a, b] = [matrix(3, 40), matrix(40, 7)];
    const product = async (): Promise<Tensor> => {
      const [left, right] = [backend.upload(a), backend.upload(b)];
      const there = await backend.matmul(left, right);
      const found = await backend.download(there);
      for (const value of [left, right, there]) backend.release(value);
      return found;
    };
    const alone: Record<string, Tensor>[] = [];
    for (const inputs of given) alone.push(await runOnce(backend, executable, inputs));
    const wanted = await product();
    const [found, ...together] = await Promise.all([product(), ...given.map((inputs) => runOnce(backend, executable, inputs))]);
    expectEqual("a product beside runs is the product alone", found, wanted);
    for (const [i, outputs] of together.entries()) {
      for (const [output, value] of Object.entries(alone[i] as Record<string, Tensor>))
        expectEqual(`runs at once give ${output} as one by one`, named(outputs, output), value);
    }
  });

  law("writes an output into the tensor that is given for it", async (backend) => {
    const inputs = uploadAll(backend, block.draw({ batch: 2, tokens: 5 }, seededRandom(6)));
    const executable = await backend.compile(block.program);
    const fresh = await backend.run(executable, inputs);
    const y = backend.upload(f32([2, 5, 16], new Float32Array(160).fill(9)));
    const written = await backend.run(executable, inputs, { y });
    if (written.y !== y) throw new Error("an output named in `into` is given back as that tensor, found another");
    for (const [output, value] of Object.entries(fresh)) {
      const found = await backend.download(named(written, output));
      expectEqual(`a run with \`into\` gives the same ${output}`, found, await backend.download(value));
    }
  });
}

function describeMatmul(law: Law, tolerance: number): void {
  const [m, k, n] = [7, 33, 5];
  for (const transposeA of [false, true]) {
    for (const transposeB of [false, true]) {
      law(`gives a${transposeA ? "ᵀ" : ""} · b${transposeB ? "ᵀ" : ""}`, async (backend) => {
        const one = backendCase(
          "matmul",
          { a: transposeA ? numbers(k, m) : numbers(m, k), b: transposeB ? numbers(n, k) : numbers(k, n) },
          (b, v) => b.matmul(transposeA ? b.transpose(v.a, [1, 0]) : v.a, transposeB ? b.transpose(v.b, [1, 0]) : v.b),
        );
        const given = one.draw({}, seededRandom(7));
        const there = uploadAll(backend, given);
        const product = await backend.matmul(named(there, "a"), named(there, "b"), { transposeA, transposeB });
        const wanted = named(evaluateProgram(one.program, given, {}), "y");
        expectClose("the product", await backend.download(product), wanted, tolerance);
        const into = backend.upload(f32(wanted.shape, new Float32Array(wanted.data.length).fill(Number.NaN)));
        const again = await backend.matmul(named(there, "a"), named(there, "b"), { transposeA, transposeB, into });
        if (again !== into) throw new Error("a product that is written to a tensor is that tensor");
        expectClose("the product in a tensor that was given", await backend.download(into), wanted, tolerance);
      });
    }
  }
}
