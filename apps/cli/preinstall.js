// Runs before the install scripts of dependencies. That of onnxruntime-node fetches some 300 MB of CUDA libraries from another host on 64-bit Linux, and
// fails the whole installation where that host is not reached. Nothing here uses them, and the script fetches none that are there: so empty ones are put
// there, in a copy of onnxruntime-node that is this package's own (as `npm install -g` makes it), never in one that others share. Where install scripts are
// off, neither script runs and nothing is lacking.
import { existsSync, lstatSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const own = join(import.meta.dirname, "node_modules", "onnxruntime-node");
const libraries = join(own, "bin", "napi-v6", process.platform, process.arch);
if (process.platform === "linux" && process.arch === "x64" && existsSync(libraries) && !lstatSync(own).isSymbolicLink()) {
  for (const name of ["cuda", "shared", "tensorrt"]) {
    const file = join(libraries, `libonnxruntime_providers_${name}.so`);
    if (!existsSync(file)) writeFileSync(file, "");
  }
}
