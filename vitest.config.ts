import { readdirSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { defineConfig } from "vitest/config";
import { BACKEND_NAMES } from "./packages/runner/test/backend-names.ts";

// The packages are tested from their sources; processes of the apps are started from what is built of them.
const conditions = ["source"];
// A package's own test script starts in its folder, so nothing here is relative to the present one.
const here = import.meta.dirname;
const folders = [
  ...readdirSync(join(here, "packages")).map((name) => `packages/${name}`),
  ...readdirSync(join(here, "apps")).map((name) => `apps/${name}`),
  "tools",
  "tools/docs-api",
];

// Whose tests start its processes, which are built for them.
const STARTED = ["apps/cli", "apps/server", "apps/web"];

export default defineConfig({
  test: {
    // Many tests wait for processes of their own: on two cores one file at a time would leave a core idle for a good part of the time.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    reporters: [
      "default",
      [join(here, "tools/src/conformance-table.ts"), { backends: BACKEND_NAMES }],
      join(here, "tools/src/closing-line.ts"),
    ],
    projects: folders.map((root) => ({
      resolve: { conditions },
      ssr: { resolve: { conditions } },
      test: {
        name: root.split("/").at(-1) ?? root,
        root: join(here, root),
        include: ["test/**/*.test.ts"],
        ...(STARTED.includes(root) && { globalSetup: join(here, "tools/src/built-apps.ts") }),
        // What a user has added to this machine does not change what is tested.
        env: { SECATEUR_DATA: join(tmpdir(), "secateur-without-data") },
        testTimeout: 120_000,
        hookTimeout: 120_000,
      },
    })),
  },
});
