import { loadOnnxRuntime, OnnxRuntimeError } from "../../src/index.ts";
import { product } from "../models.ts";

// The life of a provider, from the library that the first argument names; prints what was seen at each step.

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return "nothing";
  } catch (error) {
    if (error instanceof OnnxRuntimeError) return error.code;
    throw error;
  }
}

const library = process.argv[2] ?? "";
const ort = loadOnnxRuntime();
const devices = await ort.registerProvider("p", library);
const again = await ort.registerProvider("p", library);
const alias = await codeOf(() => ort.registerProvider("q", library));
const [device] = devices.filter(({ kind, metadata }) => kind === "cpu" && metadata.ov_meta_device === undefined);
if (!device) throw new Error("the provider has no processor");
const session = await ort.createSession(product(), { device, wholeOnDevice: true });
const a = ort.tensor("float32", Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3]);
const b = ort.tensor("float32", Float32Array.of(1, 0, 0, 1, 1, 1), [3, 2]);
const y = ort.tensor("float32", new Float32Array(4), [2, 2]);
await session.run({ a, b }, { y });
const seen = {
  same: again === devices,
  alias,
  y: [...y.data],
  otherFile: await codeOf(() => ort.registerProvider("p", import.meta.filename)),
  inUse: await codeOf(() => ort.unregisterProvider("p")),
};
session.release();
ort.unregisterProvider("p");
const afterwards = {
  gone: await codeOf(() => ort.createSession(product(), { device })),
  unknown: await codeOf(() => ort.unregisterProvider("p")),
  left: ort.devices().filter(({ provider }) => provider === device.provider).length,
};
const fresh = (await ort.registerProvider("p", library)).find(({ kind }) => kind === "cpu");
const later = await ort.createSession(product(), fresh && { device: fresh });
await later.run({ a, b }, { y });
later.release();
process.stdout.write(JSON.stringify({ ...seen, ...afterwards, again: [...y.data] }));
