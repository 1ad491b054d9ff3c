import { readFileSync } from "node:fs";
import { join } from "node:path";
import { checkPackage, Package, type ResolutionKind } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { importable, type Unpacked } from "./unpacked.ts";

/** What publint and arethetypeswrong say of a package; one line a problem. */
export async function linterProblems(one: Unpacked): Promise<string[]> {
  return [...(await publintProblems(one)), ...(await typeProblems(one))];
}

async function publintProblems({ folder, files }: Unpacked): Promise<string[]> {
  const packed = files.map((name) => ({ name: join(folder, name), data: readFileSync(join(folder, name)) }));
  const { messages, pkg } = await publint({ pkgDir: folder, pack: { files: packed }, strict: true });
  return messages.map((message) => `publint: ${formatMessage(message, pkg, { color: false })}`);
}

// Every package is made of ES modules: `require` of a Node that cannot load them, and resolution from before `exports`, are not for it.
const NOT_OURS: readonly (ResolutionKind | undefined)[] = ["node10", "node16-cjs"];

async function typeProblems(one: Unpacked): Promise<string[]> {
  const { name, version } = one.manifest;
  if (importable(one).length === 0) return [];
  const files = Object.fromEntries(
    one.files.map((file) => [`/node_modules/${name}/${file}`, new Uint8Array(readFileSync(join(one.folder, file)))]),
  );
  const result = await checkPackage(new Package(files, name, version));
  if (result.types === false) return ["arethetypeswrong: it has no types"];
  return result.problems.flatMap((problem) => {
    if ("resolutionKind" in problem && NOT_OURS.includes(problem.resolutionKind)) return [];
    const where = "entrypoint" in problem ? problem.entrypoint : "fileName" in problem ? problem.fileName : problem.typesFileName;
    return `arethetypeswrong: ${problem.kind} at ${where}`;
  });
}
