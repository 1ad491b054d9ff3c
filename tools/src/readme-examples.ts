/** A `ts` block of a README. */
export interface Example {
  /** What it is saved as: the name behind `ts`, or `example-N.ts`. */
  readonly file: string;
  /** The line of the README that its first line stands on, from 1. */
  readonly line: number;
  /** With a call of `expectResult` for every result that it states. */
  readonly source: string;
  /** `types`: what it needs is not everywhere, such as a page or a device, so that it is compiled and not run. */
  readonly runs: "node" | "vitest" | "types";
}

const BLOCK = /^```ts(?: +(.*))?\n([\s\S]*?)^```$/gm;

/**
 * The `ts` blocks of a README in order. Behind `ts` may stand a file name, by which later blocks import it and by which `*.test.ts` is run by vitest, or
 * `types`. A line of a block that ends in `// => VALUE` states what its expression, or the constant that it declares, is; prose may follow after a `;`.
 * Throws an Error that names the line for a result that does not stand behind a whole statement.
 */
export function readExamples(readme: string): Example[] {
  return [...readme.matchAll(BLOCK)].map((block, i) => {
    const [, info = "", source = ""] = block;
    const line = readme.slice(0, block.index).split("\n").length + 1;
    const file = info.endsWith(".ts") ? info : `example-${i + 1}.ts`;
    const runs = info === "types" ? "types" : file.endsWith(".test.ts") ? "vitest" : "node";
    return { file, line, source: withResults(source, line), runs };
  });
}

/** The packages that a README's `npm install` lines name, but for files. */
export function installedByReadme(readme: string): string[] {
  const lines = [...readme.matchAll(/^npm install ([^#\n]*)/gm)].flatMap(([, names = ""]) => names.split(/\s+/));
  return [...new Set(lines.filter((name) => name !== "" && !/^[-.]/.test(name)))];
}

const RESULT = /^(\s*)(.*?);?\s*\/\/ => (.*)$/;

function withResults(source: string, firstLine: number): string {
  const lines = source.split("\n").map((line, i) => (line.includes("// =>") ? withResult(line, firstLine + i) : line));
  const checked = lines.some((line) => line.includes("expectResult("));
  return checked ? `import { expectResult } from "./expect-result.ts"; ${lines.join("\n")}` : source;
}

/** Keeps a line one line, so that the compiler's messages fit the README. */
function withResult(line: string, at: number): string {
  const [, indent = "", statement = "", stated = ""] = RESULT.exec(line) ?? [];
  if (statement === "" || /^[)}\]]/.test(statement)) {
    throw new Error(`line ${at}: a result stands behind a whole statement, found ${line.trim()}`);
  }
  const [value = ""] = stated.split(";");
  const [, declared] = /^const (\w+)(?:: [^=]+)? = /.exec(statement) ?? [];
  if (declared !== undefined) return `${indent}${statement}; expectResult(${declared}, ${value}, ${at});`;
  const [, logged] = /^console\.log\((.*)\)$/.exec(statement) ?? [];
  return `${indent}expectResult(${logged ?? statement}, ${value}, ${at});`;
}
