import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { publint } from "publint";
import { formatMessage } from "publint/utils";

/** Checks that every package would be published whole and could be imported: run it from a pnpm script, after a build. */
const root = fileURLToPath(new URL("../..", import.meta.url));
const folders = ["packages", "apps"]
  .filter((group) => existsSync(join(root, group)))
  .flatMap((group) => readdirSync(join(root, group)).map((name) => join(root, group, name)))
  .filter((folder) => existsSync(join(folder, "package.json")));

let problems = 0;
for (const pkgDir of folders) {
  const manifest = JSON.parse(readFileSync(join(pkgDir, "package.json"), "utf8")) as { name: string; private?: boolean };
  if (manifest.private) continue;
  const { messages, pkg } = await publint({ pkgDir, pack: "pnpm", strict: true });
  for (const message of messages) console.error(`${manifest.name}: ${message.type}: ${formatMessage(message, pkg, { color: false })}`);
  problems += messages.length;
}
console.log(problems === 0 ? `${folders.length} packages can be published` : `${problems} problems`);
process.exitCode = problems === 0 ? 0 : 1;
