import { createReferenceBackend } from "@secateur/backend-reference";
import { describeSolver } from "@secateur/kit/testing";
import { afterAll, describe, it } from "vitest";
import { sparsegpt } from "../src/index.ts";

const backend = createReferenceBackend();
afterAll(() => backend.dispose());

// A block of eight columns changes those to its right more than once in every layer of the suite but the narrowest.
for (const options of [{}, { level: "hessian" }, { blockSize: 8 }, { blockSize: 8, level: "hessian" }]) {
  describe(JSON.stringify(options), () => describeSolver({ describe, it }, sparsegpt, { options, backend }));
}
