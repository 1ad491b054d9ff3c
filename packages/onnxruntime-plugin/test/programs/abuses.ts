import { bundledLibrary, loadOnnxRuntime, OnnxRuntimeError } from "../../src/index.ts";
import { product } from "../models.ts";

// Wrong calls of every kind, many times over, then one right one: what native code is given has been looked at before.

const ort = loadOnnxRuntime();
const numbers = Float32Array.of(1, 2, 3, 4, 5, 6);
const session = await ort.createSession(product());
const a = ort.tensor("float32", numbers, [2, 3]);
const b = ort.tensor("float32", Float32Array.of(1, 0, 0, 1, 1, 1), [3, 2]);
const releasedTensor = ort.tensor("float32", numbers, [6]);
releasedTensor.release();
const releasedSession = await ort.createSession(product());
releasedSession.release();
const [cpu] = ort.devices();

function detached(): ReturnType<typeof ort.tensor<"float32">> {
  const buffer = new ArrayBuffer(24);
  const tensor = ort.tensor("float32", new Float32Array(buffer), [3, 2]);
  structuredClone(buffer, { transfer: [buffer] });
  return tensor;
}

function grown(): ReturnType<typeof ort.tensor<"float32">> {
  const { WebAssembly } = globalThis as unknown as {
    WebAssembly: { Memory: new (sizes: object) => { buffer: ArrayBuffer; grow(pages: number): void } };
  };
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 4 });
  const tensor = ort.tensor("float32", new Float32Array(memory.buffer, 0, 6), [3, 2]);
  memory.grow(1);
  return tensor;
}

const anything: unknown[] = [
  undefined,
  null,
  Number.NaN,
  -1,
  2 ** 53,
  "",
  "x\0y",
  "\ud800",
  [],
  {},
  () => {},
  7n,
  Symbol("s"),
  new Date(),
  numbers,
  a,
  session,
  cpu,
];
const calls: ((value: unknown) => unknown)[] = [
  (value) => ort.tensor(value as "float32", numbers, [6]),
  (value) => ort.tensor("float32", (value === numbers ? 0 : value) as never, [6]),
  (value) => ort.tensor("float32", numbers, value as never),
  (value) => ort.tensor("float32", numbers, [value as never, 6]),
  (value) => ort.createSession((value instanceof Uint8Array ? 0 : value) as never),
  (value) => ort.createSession(product(), { device: (value === cpu || value === undefined ? {} : value) as never }),
  (value) => ort.createSession(product(), { threads: (value === undefined ? -1 : value) as never }),
  (value) => ort.createSession(product(), { config: { key: value as never, zero: "\0" } }),
  (value) => ort.createSession(product(), { providerOptions: { key: value as never } }),
  (value) => ort.registerProvider(value as never, "/nowhere"),
  (value) => ort.registerProvider("name", value as never),
  (value) => ort.unregisterProvider(value as never),
  (value) => session.run(value as never),
  (value) => session.run({ a, b: (value === a ? 0 : value) as never }),
  (value) => session.run({ a, b }, { y: (value ?? 0) as never }),
  (value) => session.run({ a, b, [String(typeof value === "symbol" ? "s" : value)]: b }),
  () => session.run({ a, b: detached() }),
  () => session.run({ a, b: grown() }),
  () => session.run({ a: b, b }),
  () => session.run({ a, b: ort.tensor("int32", new Int32Array(6), [3, 2]) }),
  () => session.run({ a, b: ort.tensor("float32", new Float32Array(6), [6]) }),
  () => session.run({ a, b }, { y: releasedTensor }),
  () => session.run({ a, b: releasedTensor }),
  () => session.run({ a, b }, { y: ort.tensor("float32", new Float32Array(2), [1, 2]) }),
  () => releasedSession.run({ a, b }),
  () => releasedSession.release(),
  () => releasedTensor.release(),
  async () => {
    const running = session.run({ a, b });
    try {
      session.release();
    } finally {
      (await running).y?.release();
    }
  },
  () => ort.tensor("float32", new Float32Array(new SharedArrayBuffer(24)), [6]),
  () =>
    ort.tensor(
      "float32",
      new Float32Array(new (ArrayBuffer as never as new (n: number, o: object) => ArrayBuffer)(24, { maxByteLength: 48 })),
      [6],
    ),
  () => ort.createSession(product().slice(0, 20)),
  () => ort.createSession(new Uint8Array(1000).fill(0xff)),
  () => ort.registerProvider("ort", bundledLibrary()),
  () => loadOnnxRuntime({ library: "/nowhere" }),
];

let refused = 0;
for (let round = 0; round < 2; round++) {
  for (const [index, call] of calls.entries()) {
    for (const value of anything) {
      try {
        await call(value);
        throw new Error(`call ${index} with ${String(value)} was not refused`);
      } catch (error) {
        if (!(error instanceof OnnxRuntimeError)) throw error;
        refused++;
      }
    }
  }
}
const { y } = await session.run({ a, b });
process.stdout.write(`${refused} wrong calls refused, then ${y?.data.join(" ")}\n`);
