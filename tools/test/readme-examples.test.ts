import { expect, it } from "vitest";
import { expectResult } from "../src/expect-result.ts";
import { installedByReadme, readExamples } from "../src/readme-examples.ts";

const fence = "```";
const readme = (...blocks: readonly string[]): string => `# x\n\n${blocks.join("\n\ntext\n\n")}\n`;

it("takes blocks in order, by name, with what runs them", () => {
  const text = readme(
    `${fence}ts\nconst a = 1;\n${fence}`,
    `${fence}sh\nls\n${fence}`,
    `${fence}ts power.ts\nexport {};\n${fence}`,
    `${fence}ts power.test.ts\nexport {};\n${fence}`,
    `${fence}ts types\nexport {};\n${fence}`,
  );
  expect(readExamples(text).map(({ file, line, runs }) => [file, line, runs])).toEqual([
    ["example-1.ts", 4, "node"],
    ["power.ts", 16, "node"],
    ["power.test.ts", 22, "vitest"],
    ["example-4.ts", 28, "types"],
  ]);
});

it("turns stated results into checks and keeps the lines", () => {
  const body = ["const a: number = 1; // => 1; prose", "f(a); // => [1, 2]", "console.log(a); // => 1", "g(a); // (rows, cols)"];
  const [example] = readExamples(readme(`${fence}ts\n${body.join("\n")}\n${fence}`));
  expect(example?.source.split("\n")).toEqual([
    `import { expectResult } from "./expect-result.ts"; const a: number = 1; expectResult(a, 1, 4);`,
    "expectResult(f(a), [1, 2], 5);",
    "expectResult(a, 1, 6);",
    "g(a); // (rows, cols)",
    "",
  ]);
});

it.each(["}); // => 1", "// => 1"])("refuses a result that is no whole statement's: %s", (line) => {
  expect(() => readExamples(readme(`${fence}ts\n${line}\n${fence}`))).toThrow(/^line 4: a result stands behind a whole statement, found /);
});

it("reads what the install lines name", () => {
  expect(installedByReadme("npm install @secateur/kit zod\nnpm install --save-dev vitest\nnpm install -g ./x-1.0.0.tgz\n")).toEqual([
    "@secateur/kit",
    "zod",
    "vitest",
  ]);
});

it.each<[unknown, unknown]>([
  [Float32Array.of(0.25, 3), [0.25, 3]],
  [Math.PI, 3.14],
  [new Map([["a", [1]]]), { a: [1] }],
  [undefined, undefined],
  ["x", "x"],
])("%j is what %j states", (found, stated) => {
  expect(() => expectResult(found, stated, 1)).not.toThrow();
});

it.each<[unknown, unknown, string]>([
  [3.15, 3.14, "line 7 of the README states 3.14, but it is 3.15"],
  [2.0001, 2, "line 7 of the README states 2, but it is 2.0001"],
  [[1, 2, 3], [1, 2], "line 7 of the README states [ 1, 2 ], but it is [ 1, 2, 3 ]"],
  [{ a: 1, b: 2 }, { a: 1 }, "line 7 of the README states { a: 1 }, but it is { a: 1, b: 2 }"],
  [Uint8Array.of(0, 1), [1, 0], "line 7 of the README states [ 1, 0 ], but it is Uint8Array(2) [ 0, 1 ]"],
  [undefined, [1], "line 7 of the README states [ 1 ], but it is undefined"],
  [{ 0: 1 }, [1], "line 7 of the README states [ 1 ], but it is { '0': 1 }"],
  [Number.NaN, 0, "line 7 of the README states 0, but it is NaN"],
])("%j is not what %j states", (found, stated, message) => {
  expect(() => expectResult(found, stated, 7)).toThrow(message);
});
