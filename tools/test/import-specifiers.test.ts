import fc from "fast-check";
import { expect, test } from "vitest";
import { importSpecifiers } from "../src/import-specifiers.ts";

test.each([
  [`import a from "x";`, ["x"]],
  [`import 'x'; import "y"`, ["x", "y"]],
  [`import { a,\n  type B,\n} from "x";\nexport * from './y.ts';`, ["x", "./y.ts"]],
  [`export { a } from "x"; export type { B } from "y";`, ["x", "y"]],
  [`const a = await import("x"); const b = import(\n  /* @vite-ignore */ "y"\n);`, ["x", "y"]],
  [`type A = import("x").A; import.meta.resolve("y"); require.resolve("z"); require2.resolve("w");`, ["x", "y", "z", "w"]],
  [`// import "x"\n/* import "y" */ import "z"; /** import("w") */`, ["z"]],
  [`const text = 'import "x"'; const other = "import 'y'";`, []],
  [`const text = \`import "x"; \${await import("y")} import "z"\`; import "w";`, ["y", "w"]],
  [`const text = \`a \${[{ a: \`b \${1}\` }].map((c) => { return c; })} import "x"\`; import "y";`, ["y"]],
  [`const text = \`a \\\` import "x" $ \${1} {\`; import "y";`, ["y"]],
  [`const glob = "packages/*/src"; import "x"; const other = "*/";`, ["x"]],
  [`const pattern = /["'\`]/g; import "x"; const half = 4 / 2; import "y"; a / b; "/"`, ["x", "y"]],
  [`const set = /[/"]+\\//.test(a) ? 1 : 2; import "x";`, ["x"]],
  [`Array.from("x"); const from = { from: "y" }; important("z");`, []],
  [`import { readFileSync } from "node:fs"; const url = "https://a.b"; import "x";`, ["node:fs", "x"]],
  [`const broken = "no end\nimport "x";`, ["x"]],
  ["`no end", []],
  ["", []],
])("%j", (source, specifiers) => expect(importSpecifiers(source)).toEqual(specifiers));

const wrapped = fc.constantFrom(
  (code: string) => `// ${code}\n`,
  (code: string) => `/* ${code} */`,
  (code: string) => `const a = ${JSON.stringify(code)};`,
  (code: string) => `const a = \`${code}\`;`,
);

test("imports are found among comments, strings and templates that hold others", () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), wrapped)), (parts) => {
      const source = parts.map(([real, wrap], i) => (real ? `import "real${i}";\n` : `${wrap(`import "fake${i}";`)}\n`)).join("");
      expect(importSpecifiers(source)).toEqual(parts.flatMap(([real], i) => (real ? `real${i}` : [])));
    }),
  );
});

test("any text is read to its end", () => {
  const pieces = fc.constantFrom("`", "${", "}", "{", '"', "'", "/", "*", "\\", "\n", "import ", 'from "x"', "a");
  fc.assert(
    fc.property(fc.array(pieces), (text) => {
      expect(
        importSpecifiers(`${text.join("")}
`),
      ).toBeInstanceOf(Array);
    }),
  );
});
