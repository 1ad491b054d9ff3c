import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createJsonlLoader } from "@secateur/data-jsonl";
import type { Document, LoadOptions, LoadReport } from "@secateur/kit";
import { LINE_LIMITS } from "@secateur/kit/node";
import { afterAll, beforeAll } from "vitest";

/** A temporary folder for the tests of a file; `load` writes a file there and loads it. */
export function loadingFolder(): {
  path(name: string): string;
  load(
    content: string | Uint8Array,
    options?: LoadOptions,
    name?: string,
    limits?: typeof LINE_LIMITS,
  ): Promise<{ documents: Document[]; report: LoadReport }>;
} {
  let folder = "";
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "data-jsonl-"));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const path = (name: string) => join(folder, name);
  return {
    path,
    async load(content, options = {}, name = "a.jsonl", limits = LINE_LIMITS) {
      await writeFile(path(name), content);
      const report = { rows: 0, empty: 0, duplicates: 0 };
      const documents: Document[] = [];
      for await (const document of createJsonlLoader(limits).load(path(name), options, report)) documents.push(document);
      return { documents, report };
    },
  };
}
