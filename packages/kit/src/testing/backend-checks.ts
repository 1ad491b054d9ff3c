import type { Tensor } from "@secateur/tensor";
import type { Backend, DeviceTensor, Executable } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import type { Grid } from "./program-oracle.ts";

/** Tensors of the types that a backend takes. */
export type HostTensor = Tensor<"F32" | "I32" | "BOOL">;

/** Adds a test that gets a fresh backend, which is disposed after it. */
export type Law = (title: string, body: (backend: Backend) => Promise<void>) => void;

/** Calls `body` with a backend and disposes it, whatever happens. */
export async function withBackend(make: () => Promise<Backend>, body: (backend: Backend) => Promise<void>): Promise<void> {
  const backend = await make();
  try {
    await body(backend);
  } finally {
    await backend.dispose();
  }
}

/** Uploads every tensor, by name. */
export function uploadAll(backend: Backend, tensors: Readonly<Record<string, HostTensor>>): Record<string, DeviceTensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, given]) => [name, backend.upload(given)]));
}

/** Uploads, runs, downloads, and releases all of it. */
export async function runOnce(
  backend: Backend,
  executable: Executable,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, Tensor>> {
  const there = uploadAll(backend, inputs);
  const outputs = await backend.run(executable, there);
  const found: Record<string, Tensor> = {};
  for (const [name, value] of Object.entries(outputs)) found[name] = await backend.download(value);
  for (const value of [...Object.values(there), ...Object.values(outputs)]) backend.release(value);
  return found;
}

/** Throws unless shape and type are the same. */
export function expectSame(law: string, got: DeviceTensor | Tensor, want: DeviceTensor | Tensor | Grid): void {
  const type = "dtype" in want ? want.dtype : want.type;
  if (got.dtype !== type || got.shape.join() !== want.shape.join()) {
    throw new Error(`${law}: found ${got.dtype} of shape [${got.shape.join(", ")}], wanted ${type} of shape [${want.shape.join(", ")}]`);
  }
}

/** Throws unless two tensors have the same shape, type and elements, −0 and 0 told apart. */
export function expectEqual(law: string, got: Tensor, want: Tensor): void {
  expectSame(law, got, want);
  for (let i = 0; i < want.data.length; i++) {
    if (!Object.is(got.data[i], want.data[i])) throw new Error(`${law}: element ${i} is ${got.data[i]}, wanted ${want.data[i]}`);
  }
}

/** Throws unless every element is within `tolerance` × max(1, the largest wanted magnitude) of the wanted one; whole numbers and conditions must be equal. */
export function expectClose(law: string, got: Tensor | undefined, want: Grid, tolerance: number): void {
  if (!got) throw new Error(`${law}: there is no such output`);
  expectSame(law, got, want);
  const bound = want.type === "F32" ? tolerance * want.data.reduce((most, value) => Math.max(most, Math.abs(value)), 1) : 0;
  want.data.forEach((value, i) => {
    const found = Number(got.data[i]);
    if (!(Math.abs(found - value) <= bound)) throw new Error(`${law}: element ${i} is ${found}, wanted ${value} within ${bound}`);
  });
}

/** Throws unless `action` fails with SecateurError `backend` and a message that holds `names`. */
export async function expectRefusal(law: string, names: string, action: () => unknown): Promise<void> {
  let outcome: unknown = "nothing thrown";
  try {
    await action();
  } catch (error) {
    if (error instanceof SecateurError && error.code === "backend" && error.message.includes(names)) return;
    outcome = error;
  }
  const wanted = names ? `SecateurError backend naming "${names}"` : "SecateurError backend";
  const found = outcome instanceof SecateurError ? `${outcome.code}: ${outcome.message}` : String(outcome);
  throw new Error(`${law}: wanted ${wanted}, found ${found}`);
}

/** The value of that name in a record. Throws when there is none. */
export function named<Value>(values: Readonly<Record<string, Value>>, name: string): Value {
  const value = values[name];
  if (value === undefined) throw new Error(`there is no ${name}, only ${Object.keys(values).join(", ")}`);
  return value;
}
