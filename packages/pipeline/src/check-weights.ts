import { type OpenModel, SecateurError, throwIfCancelled } from "@secateur/kit";
import { firstNotFinite, isFloat, sizeOf, type Tensor } from "@secateur/tensor";

// Rows are read in pieces of about so many numbers, so that a large embedding is never whole in memory.
const PIECE = 1 << 22;

/** Refuses a model with a weight that is not finite, before anything is computed: scores of NaN and infinity mean nothing. Throws SecateurError `input`. */
export async function checkWeights(
  model: OpenModel,
  names: Iterable<string>,
  onTensor: (done: number) => void,
  signal?: AbortSignal,
): Promise<void> {
  let done = 0;
  for (const name of names) {
    throwIfCancelled(signal);
    const info = model.tensors.get(name);
    if (!info || !isFloat(info.dtype)) continue;
    const [rows = 1, ...rest] = info.shape;
    const width = sizeOf(rest);
    const step = Math.max(1, Math.floor(PIECE / Math.max(width, 1)));
    for (let row = 0; row < rows; row += step) {
      const piece = rows <= step ? await model.read(name) : await model.readRows(name, range(row, Math.min(row + step, rows)));
      const bad = notFinite(piece);
      if (bad !== undefined) {
        throw new SecateurError(
          "input",
          `${model.source}: ${name} holds ${bad.value} at entry ${row * width + bad.index}; every weight must be finite`,
          {
            where: { file: info.file, tensor: name },
          },
        );
      }
    }
    onTensor(++done);
  }
}

function* range(from: number, to: number): Generator<number> {
  for (let i = from; i < to; i++) yield i;
}

/** The first value whose exponent bits are all set. */
function notFinite({ dtype, data }: Tensor): { index: number; value: string } | undefined {
  const exponent = dtype === "F16" ? 0x7c00 : 0x7f80;
  const fraction = 0x7fff ^ exponent;
  if (dtype === "F16" || dtype === "BF16") {
    const patterns = data as Uint16Array; // how both dtypes are kept
    for (let i = 0; i < patterns.length; i++) {
      const pattern = patterns[i] as number;
      if ((pattern & exponent) === exponent)
        return { index: i, value: pattern & fraction ? "NaN" : pattern & 0x8000 ? "-Infinity" : "Infinity" };
    }
    return undefined;
  }
  const values = data as Float32Array; // or F64: finite is finite
  const index = firstNotFinite(values);
  return index < 0 ? undefined : { index, value: String(values[index]) };
}
