import { type Loader, SecateurError } from "@secateur/kit";
import { decodeLine, readLines, repeatDetector } from "@secateur/kit/node";

const tsv: Loader = {
  name: "tsv",
  summary: "prompt and answer, parted by a tab, one document a line",
  extensions: [".tsv"],
  async *load(source, { fields, template }, report) {
    if (template !== undefined || Object.keys(fields ?? {}).length > 0)
      throw new SecateurError("usage", `${source}: its two columns have no names, so fields and template cannot be used with it`, {
        where: { file: source },
      });
    const repeats = repeatDetector();
    for await (const line of readLines(source)) {
      const text = decodeLine(line, source);
      report.rows++;
      if (text.trim() === "") {
        report.empty++;
        continue;
      }
      const [prompt, answer, ...more] = text.split("\t");
      if (prompt === undefined || answer === undefined || more.length > 0)
        throw new SecateurError("data", `${source}, line ${line.number}: ${1 + (text.match(/\t/g)?.length ?? 0)} columns, wanted 2`, {
          where: { file: source, line: line.number },
        });
      if (repeats(line.bytes)) report.duplicates++;
      yield { kind: "answer", prompt, answer, origin: { source, line: line.number } };
    }
  },
};

export default tsv;
