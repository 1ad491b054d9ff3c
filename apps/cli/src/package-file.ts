import { fileURLToPath } from "node:url";

/** The absolute path of what lies at a path in this package, from its sources and from its bundle alike: both are one folder below it. */
export function packageFile(path: string): string {
  return fileURLToPath(new URL(`../${path}`, import.meta.url));
}
