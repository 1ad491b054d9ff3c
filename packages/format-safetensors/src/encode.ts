import { bytesOf, sizeOf, type Tensor, tensor, viewBytes } from "@secateur/tensor";
import { encodeHeader, headerLength, LENGTH_BYTES, parseHeader } from "./header.ts";

/** The bytes of a safetensors file that holds these tensors, in their order, for what fits in memory. */
export function encodeSafetensors(tensors: ReadonlyMap<string, Tensor>, metadata: Readonly<Record<string, string>> = {}): Uint8Array {
  const named = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const { bytes: head, header } = encodeHeader(named, metadata, "tensors");
  const out = new Uint8Array(header.dataStart + (header.tensors.at(-1)?.end ?? 0));
  out.set(head);
  for (const { name, begin } of header.tensors) out.set(bytesOf(tensors.get(name) as Tensor), header.dataStart + begin);
  return out;
}

/** The tensors of a whole safetensors file in memory, each in memory of its own. `file` names it in errors: SecateurError `format` or `unsupported`. */
export function decodeSafetensors(
  bytes: Uint8Array,
  file: string,
): { readonly tensors: ReadonlyMap<string, Tensor>; readonly metadata: Readonly<Record<string, string>> } {
  const length = headerLength(bytes, bytes.length, file);
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, LENGTH_BYTES + length), bytes.length, file);
  const tensors = new Map<string, Tensor>();
  for (const { name, dtype, shape, begin, end } of header.tensors) {
    const copy = bytes.slice(header.dataStart + begin, header.dataStart + end); // aligned, unlike the original
    tensors.set(name, tensor(dtype, shape, viewBytes(dtype, copy.buffer, copy.byteOffset, sizeOf(shape))));
  }
  return { tensors, metadata: header.metadata };
}
