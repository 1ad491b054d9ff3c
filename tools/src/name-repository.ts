import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { argv, env } from "node:process";
import { fileURLToPath } from "node:url";

/**
 * Writes into each package's package.json which repository it comes from, and the folder in it: a registry takes a statement of provenance only from a package
 * that names the repository that it was built in, and which one that is, the workflow that builds it knows. `root` has the packages, `repository` is its address.
 */
export function nameRepository(root: string, repository: string): void {
  for (const directory of packageFolders(root)) {
    const file = join(root, directory, "package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(
      file,
      `${JSON.stringify({ ...manifest, repository: { type: "git", url: `git+${repository}.git`, directory } }, null, 2)}\n`,
    );
  }
}

function packageFolders(root: string): string[] {
  return ["packages", "apps"]
    .flatMap((group) => readdirSync(join(root, group)).map((name) => `${group}/${name}`))
    .filter((folder) => existsSync(join(root, folder, "package.json")));
}

// What GitHub tells its workflows; elsewhere nothing is written.
if (argv[1] === fileURLToPath(import.meta.url) && env.GITHUB_REPOSITORY !== undefined) {
  nameRepository(fileURLToPath(new URL("../..", import.meta.url)), `${env.GITHUB_SERVER_URL}/${env.GITHUB_REPOSITORY}`);
}
