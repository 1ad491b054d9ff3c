import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeSafetensors } from "@secateur/format-safetensors";
import { toFloat32 } from "@secateur/tensor";

/** The folder of a golden model. */
export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`../../../fixtures/goldens/${name}`, import.meta.url));
}

/** A matrix of a model, as single precision. */
export interface Matrix {
  readonly cols: number;
  readonly values: Float32Array;
}

/** The tensors of a safetensors file. */
export function readTensors(path: string): Map<string, Matrix> {
  const { tensors } = decodeSafetensors(readFileSync(path), path);
  return new Map([...tensors].map(([name, tensor]) => [name, { cols: tensor.shape.at(-1) ?? 1, values: toFloat32(tensor) }]));
}

/**
 * How many places of a pruned model are zero where the golden is not, or the other way round, of how many; and the largest difference of any other weight,
 * relative to its matrix's largest. Rows with a differing place are left out of that: one flip changes the rest of its row.
 */
export function compareWeights(
  pruned: ReadonlyMap<string, Matrix>,
  golden: ReadonlyMap<string, Matrix>,
): { flips: number; of: number; difference: number } {
  let [flips, of, difference] = [0, 0, 0];
  for (const [name, { cols, values: expected }] of golden) {
    const found = pruned.get(name)?.values;
    if (found?.length !== expected.length) throw new Error(`${name} is not in the pruned model, or of another size`);
    of += expected.length;
    const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    for (let row = 0; row < expected.length; row += cols) {
      let [own, worst] = [0, 0];
      for (let i = row; i < row + cols; i++) {
        const [a, b] = [found[i] as number, expected[i] as number];
        if ((a === 0) !== (b === 0)) own++;
        worst = Math.max(worst, Math.abs(a - b));
      }
      flips += own;
      if (own === 0) difference = Math.max(difference, worst / largest);
    }
  }
  return { flips, of, difference };
}
