import { existsSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import {
  Application,
  type CommentDisplayPart,
  Converter,
  type DeclarationReflection,
  type DocumentReflection,
  FileRegistry,
  KindRouter,
  Logger,
  LogLevel,
  MinimalSourceFile,
  normalizePath,
  type ProjectReflection,
  type Reflection,
} from "typedoc";
import { type EntryPoint, entryPoints } from "./entry-points.ts";

/** What a reference is made of. */
export interface ReferenceOptions {
  /** The workspace: its packages lie in `packages`. */
  readonly root: string;
  /** The folder to write, whose content goes. */
  readonly out: string;
  /** A tsconfig.json under which all packages compile. */
  readonly tsconfig: string;
  /** The page that the reference opens with, and pages beside it: markdown files, the latter as globs. */
  readonly index?: string;
  readonly documents?: readonly string[];
}

/**
 * Writes the HTML reference of every exported path of the published packages, and gives what is wrong with it, a line a problem: exports and methods without a
 * docstring, types that are named and not exported, links that lead nowhere. It is not written when something is.
 */
export async function writeReference(options: ReferenceOptions): Promise<string[]> {
  const entries = entryPoints(options.root);
  const app = await Application.bootstrap({
    name: "Secateur",
    entryPoints: entries.map(({ file }) => file),
    basePath: options.root,
    tsconfig: options.tsconfig,
    readme: options.index ?? "none",
    projectDocuments: [...(options.documents ?? [])],
    validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true, notDocumented: true },
    // An interface's own lines say what it is for; a field whose name says it all needs none.
    requiredToBeDocumented: ["Function", "Class", "Interface", "Variable", "TypeAlias", "Enum", "Method"],
    packagesRequiringDocumentation: [...new Set(entries.map((entry) => entry.package))],
    excludeExternals: true,
    excludePrivate: true,
    disableGit: true,
    sourceLinkTemplate: "{path}",
    githubPages: false,
    hideGenerator: true,
    navigation: { includeGroups: true, includeFolders: false },
    groupOrder: ["Plugins", "Modules", "*", "Decisions"],
    router: "kind",
  });
  const logger = new Collector();
  app.logger = logger;
  app.files = new FileRegistry(); // the default one refuses links to pages that are yet to be written
  app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
    nameModules(app, project, entries);
    for (const page of project.documents ?? []) nameDocument(page, options.root, project);
  });
  const project = await app.convert();
  if (project === undefined) return logger.problems;
  for (const { sources = [] } of Object.values(project.reflections) as DeclarationReflection[]) {
    for (const source of sources) delete source.url; // where it is defined is said, and no address is made up for it
  }
  registerPages(app, project, options.out);
  app.validate(project);
  if (logger.problems.length === 0) await app.generateDocs(project, options.out);
  return logger.problems;
}

/** Keeps what typedoc warns of and fails with. */
class Collector extends Logger {
  readonly problems: string[] = [];
  override log(message: string, level: LogLevel): void {
    if (level >= LogLevel.Warn) this.problems.push(message);
  }
}

/** Names each module as `import` does, and shows a package's README on the page of its main entry. */
function nameModules(app: Application, project: ProjectReflection, entries: readonly EntryPoint[]): void {
  for (const entry of entries) {
    const module = moduleOf(project, entry);
    module.name = entry.specifier;
    if (entry.specifier !== entry.package) continue;
    project.files.registerReflectionPath(normalizePath(entry.folder), module);
    const readme = join(entry.folder, "README.md");
    if (!existsSync(readme)) continue;
    const path = normalizePath(readme);
    project.files.registerReflectionPath(path, module);
    module.readme = app.converter.parseRawComment(new MinimalSourceFile(readFileSync(readme, "utf8"), path), project.files).content;
    takeHeading(module.readme); // the page has the module's name over it
  }
}

function moduleOf(project: ProjectReflection, { file, specifier }: EntryPoint): DeclarationReflection {
  const path = normalizePath(file);
  const found = project.children?.find((child) => project.files.getReflectionPath(child) === path);
  if (found === undefined) throw new Error(`typedoc has made no module of ${specifier}`);
  return found;
}

/** Calls a page by its heading, and puts it among those of its folder. */
function nameDocument(page: DocumentReflection, root: string, project: ProjectReflection): void {
  const folder = basename(dirname(relative(root, project.files.getReflectionPath(page) ?? root)));
  page.name = takeHeading(page.content) ?? page.name;
  page.frontmatter.group = GROUPS[folder] ?? "Documents";
}

const GROUPS: Readonly<Record<string, string>> = { plugins: "Plugins", decisions: "Decisions" };

/** Takes the first heading out of a text that begins with it. */
function takeHeading([first]: readonly CommentDisplayPart[]): string | undefined {
  const [whole, heading] = /^# (.+)\n+/.exec(first?.text ?? "") ?? [];
  if (first !== undefined && whole !== undefined) first.text = first.text.slice(whole.length);
  return heading;
}

/** Lets pages of the documentation link to pages of the reference by the files that are about to be written: a link to one that will not be is reported. */
function registerPages(app: Application, project: ProjectReflection, out: string): void {
  const router = new KindRouter(app);
  for (const { url, model } of router.buildPages(project)) {
    project.files.registerReflectionPath(normalizePath(join(out, url)), model as Reflection);
  }
}
