import { execFile } from "node:child_process";
import { join } from "node:path";
import { promisify } from "node:util";
import { build } from "esbuild";
import { binsOf, importable, type Unpacked } from "./unpacked.ts";

const run = promisify(execFile);

/**
 * What goes wrong when a package is loaded: an export that cannot be imported, one whose import does something (prints, adds globals or listeners, keeps the
 * process alive) or leaves code in a bundle that uses nothing of it, a command that says another version than its package; one line a problem.
 */
export async function loadProblems(one: Unpacked): Promise<string[]> {
  const specifiers = importable(one).map(({ specifier }) => specifier);
  return [
    specifiers.length === 0 || one.manifest.sideEffects === false ? [] : `"sideEffects" is ${one.manifest.sideEffects}, not false`,
    ...(await Promise.all([specifiers.length > 0 ? importAll(one, specifiers) : [], leftInBundles(one), wrongVersions(one)])),
  ].flat();
}

// Runs in the package's folder, from where it can import itself by its name. What packages of others do when they are loaded is not its doing: they come first.
const IMPORT_ALL = `
const [specifiers, others] = JSON.parse(process.argv[1]);
for (const name of others) await import(name).catch(() => {});
const [names, events] = [() => Reflect.ownKeys(globalThis).map(String), () => process.eventNames().map(String)];
const [hadNames, hadEvents, problems, write] = [names(), events(), [], process.stdout.write.bind(process.stdout)];
let printed = "";
process.stdout.write = process.stderr.write = (text) => { printed += text; return true; };
for (const specifier of specifiers) {
  try { await import(specifier); } catch (error) { problems.push(specifier + " cannot be imported: " + error.message); }
}
await new Promise((resolve) => setImmediate(resolve));
const more = (now, before) => now.filter((name) => !before.includes(name));
const kept = process.getActiveResourcesInfo().filter((kind) => !/Pipe|TTY|FSReq|File/.test(kind));
if (printed !== "") problems.push("importing it prints " + JSON.stringify(printed.slice(0, 80)));
for (const name of more(names(), hadNames)) problems.push("importing it adds the global " + name);
for (const name of more(events(), hadEvents)) problems.push("importing it listens to the process for " + name);
for (const kind of kept) problems.push("importing it starts something that keeps the process alive: " + kind);
write(JSON.stringify(problems), () => process.exit());
`;

async function importAll({ folder, manifest }: Unpacked, specifiers: readonly string[]): Promise<string[]> {
  const others = Object.keys(manifest.dependencies ?? {}).filter((name) => !name.startsWith("@secateur/"));
  const asked = JSON.stringify([specifiers, others]);
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", IMPORT_ALL, asked], { cwd: folder });
  return JSON.parse(stdout) as string[];
}

/** A bundle of `import "package"` alone has to be empty. */
async function leftInBundles(one: Unpacked): Promise<string[]> {
  const bundles = importable(one).map(async ({ specifier, file }) => {
    const { outputFiles, errors } = await build({
      stdin: { contents: `import ${JSON.stringify(file)};`, resolveDir: one.folder },
      write: false,
      bundle: true,
      packages: "external",
      format: "esm",
      platform: "node",
      minify: true,
      logLevel: "silent",
    }).catch(({ errors, outputFiles = [] }) => ({ errors, outputFiles })); // esbuild's failures carry these
    if (errors.length > 0) return [`${specifier} cannot be bundled: ${errors[0].text}`];
    const left = outputFiles[0]?.text.trim() ?? "";
    return left === "" ? [] : [`a bundle that imports ${specifier} and uses nothing of it keeps ${JSON.stringify(left.slice(0, 80))}`];
  });
  return (await Promise.all(bundles)).flat();
}

async function wrongVersions({ folder, manifest }: Unpacked): Promise<string[]> {
  const said = binsOf(manifest).map(async (file) => {
    const { stdout } = await run(process.execPath, [join(folder, file), "--version"]).catch((error) => ({ stdout: String(error.message) }));
    const text = stdout.trim();
    return text === manifest.version ? [] : [`its command ${file} --version says ${JSON.stringify(text)}, not ${manifest.version}`];
  });
  return (await Promise.all(said)).flat();
}
