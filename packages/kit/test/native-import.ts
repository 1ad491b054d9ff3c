import vm from "node:vm";
import type { ImportModule } from "../src/node.ts";

/** Node's own `import`: vitest puts its module runner in the place of every `import()` that it transforms, and users do not have that one. */
export const nativeImport: ImportModule = new vm.Script("(url) => import(url)", {
  importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
}).runInThisContext() as ImportModule;
