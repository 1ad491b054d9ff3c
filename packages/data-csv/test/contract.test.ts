import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { csvLoader } from "@secateur/data-csv";
import { describeLoader } from "@secateur/kit/testing";
import { afterAll, describe, it } from "vitest";

const folder = mkdtempSync(join(tmpdir(), "data-csv-"));
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, content: string): string {
  writeFileSync(join(folder, name), content);
  return join(folder, name);
}

describeLoader({ describe, it }, csvLoader, {
  sources: [
    written("text.csv", 'text,id\none,1\n"",2\n"two\nlines",3\n\none,1\n'),
    written("answers.tsv", "prompt\tanswer\n1+1=\t2\n1+2=\t3\n"),
  ],
  refused: [written("ragged.csv", "text,id\none,1\ntwo\n"), written("columns.csv", "body\none\n"), written("open.csv", 'text\n"one\n')],
});
