import type { Licence } from "./licences.ts";
import type { Template } from "./template.ts";

/** What the files that every new package has are made from. */
export interface PackageFacts {
  readonly template: Template;
  readonly kind: string;
  readonly plugin: string;
  readonly packageName: string;
  readonly reference: string;
  readonly licence: Licence;
  readonly holder: string;
  readonly version: string;
}

// The versions that the templates are tested with.
const ZOD = "^4.1.0";
const DEVELOPMENT = { typescript: "^7.0.0", vitest: "^4.1.0" };
const NODE_TYPES = "^20.19.0";

/** The files of a package beside its sources and tests, by path. */
export function commonFiles(facts: PackageFacts): Record<string, string> {
  return {
    "package.json": `${JSON.stringify(manifest(facts), null, 2)}\n`,
    "tsconfig.json": `${JSON.stringify(config(facts), null, 2)}\n`,
    "tsconfig.build.json": `${JSON.stringify(BUILD, null, 2)}\n`,
    "README.md": readme(facts),
    LICENSE: facts.licence.text(facts.holder),
    ".gitignore": "dist\nnode_modules\n",
  };
}

function manifest({ template, kind, packageName, licence, version }: PackageFacts): object {
  const own = `^${version}`;
  const zod = kind === "loader" ? {} : { zod: ZOD };
  return {
    name: packageName,
    version: "0.1.0",
    description: template.does,
    keywords: ["secateur", `secateur-${kind}`, "pruning", "language-model"],
    license: licence.id,
    type: "module",
    sideEffects: false,
    files: ["dist", "src"],
    engines: { node: ">=20.19" },
    exports: { ".": { types: "./dist/index.d.ts", default: "./dist/index.js" }, "./package.json": "./package.json" },
    scripts: {
      build: "tsc -p tsconfig.build.json",
      typecheck: "tsc",
      test: "vitest run",
      prepublishOnly: "npm run typecheck && npm test && npm run build",
    },
    // The kit is the user's own, so that a plugin and its program speak of the same contracts.
    peerDependencies: { "@secateur/kit": own },
    dependencies: { ...Object.fromEntries(template.dependencies.map((name) => [name, own])), ...zod },
    devDependencies: { "@secateur/kit": own, ...(template.node && { "@types/node": NODE_TYPES }), ...DEVELOPMENT },
  };
}

function config({ template }: PackageFacts): object {
  return {
    compilerOptions: {
      target: "es2023",
      lib: ["es2023"],
      module: "nodenext",
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      rewriteRelativeImportExtensions: true,
      skipLibCheck: true,
      noEmit: true,
      types: template.node ? ["node"] : [],
    },
    include: ["src", "test"],
  };
}

const BUILD = {
  extends: "./tsconfig.json",
  compilerOptions: { noEmit: false, declaration: true, sourceMap: true, rootDir: "src", outDir: "dist" },
  include: ["src"],
};

function readme({ template, kind, plugin, packageName, reference, licence }: PackageFacts): string {
  return `# ${packageName}

${template.does} A ${kind} for [Secateur](https://www.npmjs.com/package/secateur), called \`${plugin}\`.

\`\`\`sh
npm install ${packageName}
\`\`\`

${template.usage(reference, packageName)}
## Working on it

\`npm install\`, then \`npm test\` holds it to the laws that Secateur has for every ${kind} (\`@secateur/kit/testing\`), and \`npm run build\` writes \`dist\`.

Licence: ${licence.id}.
`;
}
