import { readdirSync } from "node:fs";
import { defineConfig } from "vitest/config";

// The packages are tested from their sources: no build is needed first.
const conditions = ["source"];
const folders = [...readdirSync("packages").map((name) => `packages/${name}`), "apps/cli", "tools"];

export default defineConfig({
  test: {
    reporters: ["default", "./tools/src/closing-line.ts"],
    projects: folders.map((root) => ({
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: { name: root.split("/").at(-1) ?? root, root, include: ["test/**/*.test.ts"], testTimeout: 120_000, hookTimeout: 120_000 },
    })),
  },
});
