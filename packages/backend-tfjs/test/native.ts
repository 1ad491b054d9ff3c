import { type Backend, SecateurError } from "@secateur/kit";
import { openTfjs } from "../src/open.ts";

/** A runtime on TensorFlow's own library, and why there is none here. */
export interface NativeRuntime {
  readonly make: () => Promise<Backend>;
  readonly missing?: string;
}

/** The folder from which native runtimes are found; a user's own do not change what is tested. */
export const NATIVE_FOLDER: string | undefined = process.env.SECATEUR_TEST_TFJS_NODE;

/** A native runtime in `NATIVE_FOLDER`. What was built there has to load: only `node-gpu`, which nothing builds there, may be missing from it. */
export async function nativeRuntime(runtime: "node" | "node-gpu"): Promise<NativeRuntime> {
  const make = () => openTfjs({ runtime, from: [NATIVE_FOLDER as string] });
  if (NATIVE_FOLDER === undefined) return { make, missing: `SECATEUR_TEST_TFJS_NODE names no folder that has tfjs-${runtime}` };
  return runtime === "node" ? { make } : { make, ...(await failureOf(make)) };
}

/** What a backend says that cannot be made. */
async function failureOf(make: () => Promise<Backend>): Promise<{ missing?: string }> {
  try {
    await (await make()).dispose();
    return {};
  } catch (error) {
    if (error instanceof SecateurError) return { missing: error.message };
    throw error;
  }
}
