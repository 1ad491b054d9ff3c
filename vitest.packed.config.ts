import { join } from "node:path";
import { defineConfig } from "vitest/config";

// Tests of the packages as their users get them: packed, and installed in empty folders. They take a build (`tsc -b`) and a registry.
export default defineConfig({
  test: {
    root: join(import.meta.dirname, "tools"),
    include: ["packed/**/*.test.ts"],
    globalSetup: join(import.meta.dirname, "tools/packed/setup.ts"),
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});
