import { flagUsage, type Template } from "./template.ts";

/** A backend: the reference's, with a product of its own, as a place to start from. */
export const backend: Template = {
  prefix: "backend",
  does: "Runs block programs: on the reference backend but for what it replaces, which is the product of matrices.",
  dependencies: ["@secateur/backend-reference", "@secateur/tensor"],
  usage: flagUsage("--backend", "--backend-option", "block=64"),
  files: (name) => ({ "src/index.ts": source(name), "test/index.test.ts": test(name) }),
};

function source(name: string): string {
  return `import { createReferenceBackend } from "@secateur/backend-reference";
import { type Backend, type BackendPlugin, defineBackend, numberFromText } from "@secateur/kit";
import { f32, toFloat32 } from "@secateur/tensor";
import { z } from "zod";

/** Options of the backend \`${name}\`. */
export interface Options {
  readonly block: number;
}

// Options come from a command line as text. A default stands twice, so that the JSON Schemas of what comes in and of what comes out both show it.
const options = z.strictObject({
  block: z
    .preprocess(numberFromText, z.number().int().positive())
    .prefault(32)
    .default(32)
    .meta({ description: "columns of a product that are computed together" }),
});

const plugin: BackendPlugin<Options> = defineBackend({
  name: "${name}",
  summary: "the reference backend with a product of matrices of its own",
  options,
  create: async (given) => createBackend(given),
});

export default plugin;

/**
 * A backend that computes products of matrices by itself and has the reference do the rest. For an engine of your own, replace the calls in this order, and run
 * the tests after each: \`upload\`, \`download\` and \`release\` (where values live), \`matmul\`, then \`compile\` and \`run\`. With \`expandProgram\` of
 * @secateur/graph a program becomes primitives, so that the fused ops can come last.
 */
export function createBackend({ block }: Options): Backend {
  const rest = createReferenceBackend();
  return {
    ...rest,
    name: "${name}",
    description: { ...rest.description, engine: "${name}" },
    async matmul(a, b, { transposeA = false, transposeB = false, into } = {}) {
      const [m = 0, k = 0] = transposeA ? a.shape.toReversed() : a.shape;
      const [inner, n = 0] = transposeB ? b.shape.toReversed() : b.shape;
      const plain = a.shape.length === 2 && b.shape.length === 2 && a.dtype === "F32" && b.dtype === "F32";
      if (!plain || inner !== k || into !== undefined) return rest.matmul(a, b, { transposeA, transposeB, into }); // and refuses what does not fit
      const [left, right] = [toFloat32(await rest.download(a)), toFloat32(await rest.download(b))];
      const product = new Float32Array(m * n); // (m, n), row-major
      for (let from = 0; from < n; from += block) {
        for (let i = 0; i < m; i++) {
          for (let j = from; j < Math.min(n, from + block); j++) {
            let sum = 0;
            for (let l = 0; l < k; l++) {
              sum += (left[transposeA ? l * m + i : i * k + l] as number) * (right[transposeB ? j * k + l : l * n + j] as number);
            }
            product[i * n + j] = sum;
          }
        }
      }
      return rest.upload(f32([m, n], product));
    },
  };
}
`;
}

function test(name: string): string {
  return `import { createReferenceBackend } from "@secateur/backend-reference";
import { describeBackend } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import { createBackend } from "../src/index.ts";

describeBackend({ describe, it }, "${name}", async () => createBackend({ block: 32 }), { reference: async () => createReferenceBackend() });
`;
}
