/** Licences (SPDX names) that ask for no more than to be named: what is published may depend on, or bring, code under these only. */
const PERMISSIVE: ReadonlySet<string> = new Set([
  "0BSD",
  "Apache-2.0",
  "BlueOak-1.0.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "ISC",
  "MIT",
  "Unlicense",
]);

/** Whether an SPDX expression, such as `MIT` or `(MIT OR GPL-3.0-only)`, can be met by permissive licences alone. */
export function isPermissive(expression: unknown): boolean {
  if (typeof expression !== "string") return false;
  const bare = expression.trim().replace(/^\(([^()]*)\)$/, "$1");
  if (/[()]/.test(bare)) return false; // nested expressions are for a person to read
  return bare.split(/\s+OR\s+/).some((choice) => choice.split(/\s+AND\s+/).every((name) => PERMISSIVE.has(name.trim())));
}
