import { basename, dirname, join } from "node:path";
import { type Document, type Loader, type RowTemplate, SecateurError } from "@secateur/kit";
import { readDocuments } from "@secateur/kit/node";
import type { FewShot } from "./task-template.ts";

/** Where examples are looked for, and how their rows are read. */
interface ExamplesContext {
  readonly source: string;
  readonly template: RowTemplate;
  readonly loaders: readonly Loader[];
}

/** The documents with a template's examples before each of their prompts. */
export async function* promptsAfter(
  fewShot: FewShot,
  context: ExamplesContext,
  documents: AsyncIterable<Document>,
): AsyncGenerator<Document, void, undefined> {
  const before = await examplesBefore(fewShot, context);
  for await (const document of documents) yield "prompt" in document ? { ...document, prompt: before + document.prompt } : document;
}

async function examplesBefore(fewShot: FewShot, { source, template, loaders }: ExamplesContext): Promise<string> {
  const { count, separator = "\n\n", introduction, rows } = fewShot;
  const found = groupsOf(fewShot, source);
  const file = fewShot.source === undefined ? source : join(dirname(source), filled(fewShot.source, found));
  const examples: string[] = [];
  const reading = { template, ...(rows && { rows }) };
  for await (const document of readDocuments(loaders, file, reading, { rows: 0, empty: 0, duplicates: 0 })) {
    if (document.kind === "answer") examples.push(document.prompt + document.answer);
    if (document.kind === "choices") examples.push(document.prompt + document.choices[document.answer]);
    if (examples.length === count) break;
  }
  if (examples.length < count)
    throw new SecateurError("data", `${file}: ${examples.length} examples were found, ${count} are put before each prompt`, {
      where: { file },
    });
  const spoken = Object.fromEntries(Object.entries(found).map(([name, value]) => [name, value.replaceAll("_", " ")]));
  return [...(introduction === undefined ? [] : [filled(introduction, spoken)]), ...examples, ""].join(separator);
}

/** What the name of the data file says. */
function groupsOf({ file }: FewShot, source: string): Readonly<Record<string, string>> {
  if (file === undefined) return {};
  const match = new RegExp(file).exec(basename(source));
  if (match) return { ...match.groups };
  throw new SecateurError(
    "usage",
    `${source}: the examples before its prompts are found by the name of the file, which does not fit ${file}: rename it, or write a task template with another fewShot`,
    { where: { file: source } },
  );
}

function filled(text: string, values: Readonly<Record<string, string>>): string {
  return text.replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}
