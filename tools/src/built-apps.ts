import { execFileSync } from "node:child_process";
import { join } from "node:path";

// Tests of the apps start real processes, hundreds of times. From built files each is up in half the time that its sources would take.
const ROOT = join(import.meta.dirname, "../..");

/** Builds what has changed since it was built last; called by the test runner before the first test of an app. */
export default function build(): void {
  execFileSync(process.execPath, [join(ROOT, "node_modules/typescript/bin/tsc"), "-b"], {
    cwd: ROOT,
    stdio: ["ignore", "inherit", "inherit"],
  });
}
