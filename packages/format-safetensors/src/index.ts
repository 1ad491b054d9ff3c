export { sameDirectory } from "./directory.ts";
export { decodeSafetensors, encodeSafetensors } from "./encode.ts";
export { safetensors } from "./format.ts";
export { type Entry, encodeHeader, type Header, headerLength, LENGTH_BYTES, MAX_AXES, MAX_HEADER_BYTES, parseHeader } from "./header.ts";
export { openModel, type SafetensorsModel } from "./open.ts";
export { safetensorsFiles } from "./tensor-files.ts";
