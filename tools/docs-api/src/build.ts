import { fileURLToPath } from "node:url";
import { writeReference } from "./reference.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const under = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));

const problems = await writeReference({
  root,
  out: under("docs/api"),
  tsconfig: under("tools/docs-api/tsconfig.api.json"),
  index: under("docs/README.md"),
  documents: [under("docs/plugins/*.md"), under("docs/decisions/*.md"), under("CONTRIBUTING.md")],
});
for (const problem of problems) console.error(problem);
console.log(problems.length === 0 ? "the reference is in docs/api" : `${problems.length} problems: the reference was not written`);
process.exitCode = problems.length === 0 ? 0 : 1;
