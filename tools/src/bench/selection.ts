import { maskUnstructured } from "@secateur/fusion";
import { seededRandom } from "@secateur/tensor";
import { median } from "./figures.ts";

const ROUNDS = 9;
const ROWS = 4096;

/** Weights a second, on one core, of the choice of the lower half of each row, as Wanda makes it. */
export function measureSelection(cols: number): number {
  const random = seededRandom(1);
  // The product of a weight and a norm is spread like this, more or less.
  const scores = Float32Array.from({ length: ROWS * cols }, () => Math.abs(random.next() + random.next() - 1) * (0.5 + random.next()));
  const speeds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const start = process.hrtime.bigint();
    maskUnstructured(scores, ROWS, cols, 0.5, { group: "row", rule: "exact" });
    const seconds = Number(process.hrtime.bigint() - start) / 1e9;
    if (round > 0) speeds.push((ROWS * cols) / seconds); // the first round warms up
  }
  return median(speeds);
}
