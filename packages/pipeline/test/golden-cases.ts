import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { decodeSafetensors } from "@secateur/format-safetensors";
import { toFloat32 } from "@secateur/tensor";

/** The folder of a golden model. */
export function goldenFolder(name: string): string {
  return fileURLToPath(new URL(`../../../fixtures/goldens/${name}`, import.meta.url));
}

/** The tensors of a safetensors file, as single precision. */
export function readTensors(path: string): Map<string, Float32Array> {
  const { tensors } = decodeSafetensors(readFileSync(path), path);
  return new Map([...tensors].map(([name, tensor]) => [name, toFloat32(tensor)]));
}

/** How many places of a pruned model are zero where the golden is not, or the other way round, of how many; and whether every other weight is the golden's. */
export function compareMasks(
  pruned: ReadonlyMap<string, Float32Array>,
  golden: ReadonlyMap<string, Float32Array>,
): { flips: number; of: number; changed: number } {
  let [flips, of, changed] = [0, 0, 0];
  for (const [name, expected] of golden) {
    const found = pruned.get(name);
    if (found?.length !== expected.length) throw new Error(`${name} is not in the pruned model, or of another size`);
    of += expected.length;
    for (let i = 0; i < expected.length; i++) {
      if ((found[i] === 0) !== (expected[i] === 0)) flips++;
      else if (found[i] !== expected[i]) changed++;
    }
  }
  return { flips, of, changed };
}
