import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bundledLibrary, loadOnnxRuntime } from "../src/index.ts";
import { longProduct, modelOf, product, withInt64 } from "./models.ts";
import { failureOf, newFolder, runProgram } from "./support.ts";

const ort = loadOnnxRuntime();

describe("a session", () => {
  it("says what it takes and gives, and writes results into the caller's memory", async () => {
    const session = await ort.createSession(product());
    expect(session.inputs).toEqual([
      { name: "a", type: "float32", dims: ["m", "k"] },
      { name: "b", type: "float32", dims: ["k", "n"] },
    ]);
    const y = new Float32Array(4);
    const tensors = {
      a: ort.tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]),
      b: ort.tensor("float32", Float32Array.of(1, 0, 0, 1, 1, 1), [3, 2]),
    };
    const into = ort.tensor("float32", y, [2, 2]);
    const results = await session.run(tensors, { y: into });
    expect(results.y).toBe(into);
    expect([...y]).toEqual([4, 5, 10, 11]);
    tensors.a.data[0] = 2; // the next run reads what stands there then
    await session.run(tensors, { y: into });
    expect([...y]).toEqual([5, 5, 10, 11]);
    session.release();
    for (const tensor of [tensors.a, tensors.b, into]) tensor.release();
  });

  it("gives outputs that have no tensor new ones", async () => {
    const session = await ort.createSession(product());
    const a = ort.tensor("float32", Float32Array.of(1, 2), [1, 2]);
    const b = ort.tensor("float32", Float32Array.of(3, 4, 5, 6), [2, 2]);
    const { y } = await session.run({ a, b });
    expect([y?.type, y?.dims, y?.data]).toEqual(["float32", [1, 2], Float32Array.of(13, 16)]);
    session.release();
    expect([...(y?.data ?? [])]).toEqual([13, 16]); // it outlives its session
    y?.release();
  });

  it("reads a model's file", async () => {
    const path = join(await newFolder(), "ä ö#%.onnx");
    await writeFile(path, product());
    const session = await ort.createSession(path);
    expect(session.outputs).toEqual([{ name: "y", type: "float32", dims: ["m", "n"] }]);
    session.release();
  });

  it("multiplies like plain loops, whatever the sizes, views and empty ones among them", async () => {
    const session = await ort.createSession(product());
    const size = fc.integer({ min: 0, max: 7 });
    const property = fc.asyncProperty(size, size, size, fc.integer({ min: 0, max: 3 }), async (m, k, n, offset) => {
      const numbers = (count: number, seed: number): Float32Array =>
        Float32Array.from({ length: count + offset }, (_, i) => ((i * 7 + seed) % 5) - 2).subarray(offset);
      const [a, b, y] = [numbers(m * k, 1), numbers(k * n, 3), new Float32Array(m * n).fill(Number.NaN)];
      const [x, w, into] = [ort.tensor("float32", a, [m, k]), ort.tensor("float32", b, [k, n]), ort.tensor("float32", y, [m, n])];
      await session.run({ a: x, b: w }, { y: into });
      const wanted = Array.from({ length: m * n }, (_, at) => {
        let sum = 0;
        for (let i = 0; i < k; i++) sum += (a[Math.floor(at / n) * k + i] ?? 0) * (b[i * n + (at % n)] ?? 0);
        return sum + 0;
      });
      expect([...y].map((value) => value + 0)).toEqual(wanted);
      for (const tensor of [x, w, into]) tensor.release();
    });
    await fc.assert(property, { numRuns: 60 });
    session.release();
  });

  it("takes every type of number", async () => {
    const arrays = {
      float32: [1, Float32Array.of(1.5, -2)],
      uint8: [2, Uint8Array.of(1, 255)],
      int8: [3, Int8Array.of(1, -128)],
      uint16: [4, Uint16Array.of(1, 65535)],
      int16: [5, Int16Array.of(1, -32768)],
      int32: [6, Int32Array.of(1, -(2 ** 31))],
      int64: [7, BigInt64Array.of(1n, -(2n ** 63n))],
      bool: [9, Uint8Array.of(0, 1)],
      float16: [10, Uint16Array.of(0x3c00, 0xc000)],
      float64: [11, Float64Array.of(0.1, -1e300)],
      uint32: [12, Uint32Array.of(1, 2 ** 32 - 1)],
      uint64: [13, BigUint64Array.of(1n, 2n ** 64n - 1n)],
      bfloat16: [16, Uint16Array.of(0x3f80, 0xc000)],
    } as const;
    for (const [type, [code, data]] of Object.entries(arrays)) {
      const same = modelOf({ x: [2] }, { y: [2] }, [{ op: "Identity", inputs: ["x"], output: "y" }], code);
      const session = await ort.createSession(same);
      const x = ort.tensor(type as "float32", data as Float32Array, [2]); // each with its own array
      const { y } = await session.run({ x });
      expect([y?.type, y?.data]).toEqual([type, data]);
      session.release();
    }
  });

  it("leaves the event loop free, and runs several at a time", async () => {
    const session = await ort.createSession(longProduct(40, 300));
    const w = ort.tensor("float32", new Float32Array(90_000).fill(0.001), [300, 300]);
    const runs = [1, 2, 3].map(async (value) => {
      const x = ort.tensor("float32", new Float32Array(90_000).fill(value), [300, 300]);
      return (await session.run({ x, w })).y?.data[0] as number;
    });
    let turns = 0;
    let done = false;
    const turn = (): void => {
      turns++;
      if (!done) setImmediate(turn);
    };
    turn();
    const [one = 0, two = 0, three = 0] = await Promise.all(runs);
    done = true;
    expect(turns).toBeGreaterThan(20);
    expect([two / one, three / one].map((ratio) => Number(ratio.toFixed(4)))).toEqual([2, 3]);
    session.release();
  });
});

describe("results", () => {
  it("that are larger than a view of memory are copied in pieces", async () => {
    const expand = modelOf({ x: [1], s: [1] }, { y: ["n"] }, [{ op: "Expand", inputs: ["x", "s"], output: "y" }], 2);
    const session = await ort.createSession(withInt64(expand));
    const size = 2 ** 28 + 5;
    const { y } = await session.run({
      x: ort.tensor("uint8", Uint8Array.of(7), [1]),
      s: ort.tensor("int64", BigInt64Array.of(BigInt(size)), [1]),
    });
    expect([y?.dims, y?.data[0], y?.data[2 ** 28], y?.data.at(-1)]).toEqual([[size], 7, 7, 7]);
    y?.release();
    session.release();
  });

  it("wait for their turn when there are many", async () => {
    const session = await ort.createSession(product());
    const a = ort.tensor("float32", Float32Array.of(1, 2), [1, 2]);
    const b = ort.tensor("float32", Float32Array.of(3, 4), [2, 1]);
    const all = await Promise.all(Array.from({ length: 600 }, () => session.run({ a, b })));
    expect(new Set(all.map(({ y }) => y?.data[0]))).toEqual(new Set([11]));
    for (const { y } of all) y?.release();
    session.release();
  });
});

describe("handles", () => {
  it("are released once, and not during a run", async () => {
    const session = await ort.createSession(longProduct(40, 300));
    const tensor = (): ReturnType<typeof ort.tensor<"float32">> => ort.tensor("float32", new Float32Array(90_000), [300, 300]);
    const [x, w, y] = [tensor(), tensor(), tensor()];
    const running = session.run({ x, w }, { y });
    expect(await failureOf(() => session.release())).toEqual(["busy", "the session is released while 1 of its runs are not done"]);
    expect(await failureOf(() => w.release())).toEqual([
      "busy",
      "a tensor (float32, [300, 300]) is released while 1 of its runs are not done",
    ]);
    await running;
    w.release();
    expect(await failureOf(() => w.release())).toEqual(["released", "a tensor (float32, [300, 300]) is released twice"]);
    expect(await failureOf(() => session.run({ x, w }))).toEqual(["released", "a tensor (float32, [300, 300]) is used after its release"]);
    session.release();
    expect([session.released, x.released]).toEqual([true, false]);
    expect(await failureOf(() => session.run({ x, w: y }))).toEqual(["released", "the session is used after its release"]);
    expect(await failureOf(() => session.release())).toEqual(["released", "the session is released twice"]);
  });

  it("survive a thousand wrong calls", async () => {
    const ended = await runProgram("abuses.ts");
    expect([ended.err, ended.code]).toEqual(["", 0]);
    expect(ended.out).toMatch(/^1\d\d\d wrong calls refused, then 4 5 10 11\n$/);
  });
});

describe("refusals", () => {
  const memory = (): Float32Array => new Float32Array(6);

  it.each<[what: string, make: () => unknown, code: string, message: RegExp]>([
    ["an unknown type", () => ort.tensor("float8" as "float32", memory(), [6]), "argument", /^"float8" is no tensor type: float32, /],
    [
      "another array",
      () => ort.tensor("float32", new Int32Array(6) as never, [6]),
      "argument",
      /^a tensor of type float32 wants a Float32Array, not Int32Array$/,
    ],
    [
      "too few elements",
      () => ort.tensor("float32", memory(), [2, 4]),
      "argument",
      /^dimensions \[2,4\] hold 8 elements, the array has 6$/,
    ],
    ["a negative size", () => ort.tensor("float32", memory(), [-2, -3]), "argument", /^dimensions are whole numbers from 0 on, not -2$/],
    ["a part of a size", () => ort.tensor("float32", memory(), [1.5, 4]), "argument", /not 1.5$/],
    [
      "an array that says of itself what is not so",
      () => {
        class Odd extends Float32Array {
          override get length(): number {
            return 4e7;
          }
        }
        return ort.tensor("float32", new Odd(2), [2e7, 2]);
      },
      "argument",
      /^dimensions \[20000000,2\] hold 40000000 elements, the array has 2$/,
    ],
    ["shared memory", () => ort.tensor("float32", new Float32Array(new SharedArrayBuffer(24)), [6]), "argument", /shared memory/],
    ["no model", () => ort.createSession(new Uint8Array(0)), "argument", /^the model has no bytes$/],
    ["a model of another kind", () => ort.createSession(7 as never), "argument", /^a model is its bytes or a path, not 7$/],
    ["a model's file that is missing", () => ort.createSession("/nowhere.onnx"), "argument", /^there is no file .*nowhere.onnx$/],
    ["bytes that are no model", () => ort.createSession(Uint8Array.of(1, 2, 3)), "runtime", /./],
    ["threads", () => ort.createSession(product(), { threads: -1 }), "argument", /^threads are a whole number from 0 to 1024, not -1$/],
    [
      "a device of no library",
      () => ort.createSession(product(), { device: {} as never }),
      "argument",
      /^the device is none that this package has given$/,
    ],
    [
      "options without a device",
      () => ort.createSession(product(), { providerOptions: { a: "b" } }),
      "argument",
      /^provider options are given without a device$/,
    ],
    [
      "a zero in a text",
      () => ort.createSession(product(), { config: { "a\0b": "c" } }),
      "argument",
      /without zero characters, not "a\\u0000b"$/,
    ],
    ["a provider that is missing", () => ort.registerProvider("none", "/nowhere.so"), "provider", /^there is no file .*nowhere.so$/],
    [
      "a provider that is none",
      () => ort.registerProvider("self", import.meta.filename),
      "provider",
      /runtime.test.ts cannot be registered as a provider: /,
    ],
    [
      "a library that is no provider",
      () => ort.registerProvider("ort", bundledLibrary()),
      "provider",
      /cannot be registered as a provider: /,
    ],
    ["a provider nobody knows", () => ort.unregisterProvider("none"), "provider", /^no provider is registered as "none"$/],
    ["a library that is missing", () => loadOnnxRuntime({ library: "/nowhere.so" }), "library", /^there is no file .*nowhere.so$/],
    ["a file that is no library", () => loadOnnxRuntime({ library: import.meta.filename }), "library", /cannot be loaded: /],
  ])("refuse %s", async (_, make, code, message) => {
    const [found, text] = await failureOf(make);
    expect([found, text]).toEqual([code, expect.stringMatching(message)]);
  });

  it("refuse tensors that do not fit a model, naming what does", async () => {
    const session = await ort.createSession(product());
    const x = ort.tensor("float32", memory(), [2, 3]);
    expect(await failureOf(() => session.run({ a: x }))).toEqual(["argument", "no tensor is given for the input b"]);
    expect(await failureOf(() => session.run({ a: x, c: x }))).toEqual(["argument", "the model has no input c; it has a, b"]);
    expect(await failureOf(() => session.run({ a: x, b: {} as never }))).toEqual(["argument", "the input b is no tensor but Object"]);
    expect(await failureOf(() => session.run({ a: x, b: x }, { z: x }))).toEqual(["argument", "the model has no output z; it has y"]);
    const whole = ort.tensor("int32", new Int32Array(6), [3, 2]);
    expect((await failureOf(() => session.run({ a: x, b: whole })))[0]).toBe("runtime");
    expect((await failureOf(() => session.run({ a: x, b: x })))[0]).toBe("runtime");
    const b = ort.tensor("float32", memory(), [3, 2]);
    expect((await failureOf(() => session.run({ a: x, b }, { y: x })))[0]).toBe("runtime"); // an output of another shape
    const buffer = new ArrayBuffer(24);
    const gone = ort.tensor("float32", new Float32Array(buffer), [3, 2]);
    structuredClone(buffer, { transfer: [buffer] });
    expect(await failureOf(() => session.run({ a: x, b: gone }))).toEqual([
      "memory",
      "the array of b (float32, [3, 2]) was detached: it was transferred, or its memory grew",
    ]);
    session.release();
  });
});

it("leaves no file of a telemetry client", async () => {
  const folder = await newFolder();
  const ended = await runProgram("one-run.ts", [], { TMPDIR: folder, ORT_DISABLE_TELEMETRY: "" });
  expect([ended.err, ended.code, ended.out]).toEqual(["", 0, "4 5 10 11\n"]);
  const worker = await runProgram("one-run.ts", ["worker"], { TMPDIR: folder });
  expect([worker.err, worker.code, worker.out]).toEqual(["", 0, "4 5 10 11\n"]);
  expect((await readdir(folder)).filter((name) => !name.startsWith("tsx-"))).toEqual([]);
});

it("keeps its memory over many sessions and runs", async () => {
  const ended = await runProgram("memory.ts");
  expect([ended.err, ended.code]).toEqual(["", 0]);
  const { sessions, runs } = JSON.parse(ended.out) as { sessions: number; runs: number };
  expect(sessions).toBeLessThan(16); // kept, they would be some 23 MiB
  expect(runs).toBeLessThan(64); // the results alone would be 125 MiB
});

it("runs beside onnxruntime-node's own interface, in the main thread and in workers", async () => {
  const ended = await runProgram("interleaved.ts");
  expect([ended.err, ended.code, ended.out]).toEqual(["", 0, "main 40 of 40, workers 40 40 40 of 40\n"]);
});

const providers = process.env.SECATEUR_TEST_PROVIDERS;
if (providers === undefined)
  console.warn("the test on a real provider is skipped: SECATEUR_TEST_PROVIDERS names no folder that has openvino");
it.skipIf(providers === undefined)("owns a provider's devices until it is taken away", async () => {
  const folder = join(providers ?? "", "openvino");
  const { library } = JSON.parse(await readFile(join(folder, "provider.json"), "utf8")) as { library: string };
  const ended = await runProgram("provider.ts", [resolve(folder, library)]);
  expect([ended.err, ended.code]).toEqual(["", 0]);
  expect(JSON.parse(ended.out)).toEqual({
    same: true,
    alias: "provider",
    y: [4, 5, 10, 11],
    otherFile: "provider",
    inUse: "busy",
    gone: "released",
    unknown: "provider",
    left: 0,
    again: [4, 5, 10, 11],
  });
});
