import fc from "fast-check";
import { describe, expect, test } from "vitest";
import * as flags from "../src/flags.ts";

describe("laws", () => {
  test("a sparsity between 0 and 1 is read as it is", () => {
    fc.assert(
      fc.property(fc.double({ min: 0, max: 1, minExcluded: true, maxExcluded: true, noNaN: true }), (value) => {
        expect(flags.sparsity(String(value))).toBe(value);
      }),
    );
  });

  test("KEEP:OF with KEEP below OF is read, and nothing else", () => {
    fc.assert(
      fc.property(fc.nat(64), fc.nat(64), (keep, of) => {
        const read = (): unknown => flags.pattern(`${keep}:${of}`);
        if (keep >= 1 && keep < of) expect(read()).toEqual({ keep, of });
        else expect(read).toThrow("--pattern");
      }),
    );
  });

  test("a name and an equals sign part a task from its file; any other text is the file", () => {
    fc.assert(
      fc.property(fc.stringMatching(/^[A-Za-z_][\w-]*$/), fc.string({ minLength: 1 }), (name, source) => {
        expect(flags.namedSource(`${name}=${source}`)).toEqual({ name, source });
        expect(flags.namedSource(`./${name}=${source}`)).toEqual({ name: undefined, source: `./${name}=${source}` });
      }),
    );
  });

  test("every file gives a task a name that a recipe takes", () => {
    fc.assert(
      fc.property(fc.string({ minLength: 1 }), (source) => {
        expect(flags.taskName(source)).toMatch(/^[A-Za-z_][\w-]*$/);
      }),
    );
  });
});

test.each([
  ["data/gsm8k.train.jsonl", "gsm8k_train"],
  ["code.jsonl.gz", "code"],
  ["2024 notes.txt", "_2024_notes"],
  ["sort-rows.ndjson", "sort-rows"],
  ["mmlu/anatomy_dev.csv", "anatomy_dev"],
  ["sst2.tsv.gz", "sst2"],
  ["train-00000-of-00001.parquet", "train-00000-of-00001"],
])("the task of %s is called %s", (source, name) => {
  expect(flags.taskName(source)).toBe(name);
});

test.each([
  ["2GiB", 2 ** 31],
  ["2G", 2 ** 31],
  ["500MB", 5e8],
  ["1.5 kb", 1500],
  ["0", 0],
  ["4096B", 4096],
])("a size of %s is %d bytes", (text, bytes) => {
  expect(flags.byteSize("--memory")(text)).toBe(bytes);
});

test.each(["", "much", "-1G", "2XB", "1.2.3G", "99999999T"])("a size of %j is refused", (text) => {
  expect(() => flags.byteSize("--memory")(text)).toThrow("wanted a size such as 2GiB or 500MB");
});

test("a rule has options after its name, and the tasks' weight among them", () => {
  expect(flags.rule("max")).toEqual({ name: "max", fusion: "max", fusionOptions: {} });
  const name = "shared-exclusive:tau=0.2:weight=0.25:boost=1";
  expect(flags.rule(name)).toEqual({ name, fusion: "shared-exclusive", fusionOptions: { tau: "0.2", boost: "1" }, tasksWeight: 0.25 });
  expect(flags.rule("./c:d.ts:a=b=c")).toEqual({ name: "./c:d.ts:a=b=c", fusion: "./c:d.ts", fusionOptions: { a: "b=c" } });
  for (const wrong of ["", ":tau=1", "max:weight=1", "max:weight=x"]) expect(() => flags.rule(wrong)).toThrow("--fusion");
});

test("a field has a role when one stands before a colon", () => {
  expect(flags.field("text=body")).toEqual({ role: undefined, key: "text", column: "body" });
  expect(flags.field("math:prompt=a.b:c=d")).toEqual({ role: "math", key: "prompt", column: "a.b:c=d" });
});

test("a task template is a name or a file, and no text with places", () => {
  expect(["gsm8k", "math=gsm8k", "./t.json"].map(flags.taskTemplate)).toEqual(["gsm8k", "math=gsm8k", "./t.json"]);
  for (const value of ["{a}", "math={a}|||{b}", " "])
    expect(() => flags.taskTemplate(value)).toThrow(
      expect.objectContaining({
        code: "usage",
        message: `--task-template ${value}: wanted a task template's name or JSON file; a text with {column} places is for --template`,
      }),
    );
});

test("a template has a role only when what stands before the equals sign is one", () => {
  expect(flags.template("math=Q: {q}|||{a}", ["general", "math"])).toEqual({ role: "math", template: "Q: {q}|||{a}" });
  expect(flags.template("x = {a}", ["general", "math"])).toEqual({ role: undefined, template: "x = {a}" });
  expect(() => flags.template("maths={q}", ["general", "math"])).toThrow(
    "--template maths={q}: wanted [ROLE=]TEXT; maths is no role here (general, math), and a text that begins like one needs ROLE= before it",
  );
});

describe("what is refused", () => {
  const wantedSparsity = "wanted a number above 0 and below 1, such as 0.5 for half";
  const wantedPattern = "wanted KEEP:OF with KEEP from 1 to less than OF, such as 2:4, which keeps 2 of every 4";
  const fields = "wanted [ROLE:]KEY=COLUMN with KEY one of text, prompt, answer, question, choices, messages, input_ids";
  const table: readonly [read: (value: string) => unknown, value: string, message: string][] = [
    [flags.sparsity, "0", `--sparsity 0: ${wantedSparsity}`],
    [flags.sparsity, "1", `--sparsity 1: ${wantedSparsity}`],
    [flags.sparsity, "-0.1", `--sparsity -0.1: ${wantedSparsity}`],
    [flags.sparsity, "abc", `--sparsity abc: ${wantedSparsity}`],
    [flags.sparsity, "", `--sparsity "": ${wantedSparsity}`],
    [flags.sparsity, "50%", `--sparsity 50%: ${wantedSparsity}`],
    [flags.pattern, "4:2", `--pattern 4:2: ${wantedPattern}`],
    [flags.pattern, "4:4", `--pattern 4:4: ${wantedPattern}`],
    [flags.pattern, "0:4", `--pattern 0:4: ${wantedPattern}`],
    [flags.pattern, "abc", `--pattern abc: ${wantedPattern}`],
    [flags.wholeNumber("--samples", 1), "0", "--samples 0: wanted a whole number from 1 on"],
    [flags.wholeNumber("--samples", 1), "1.5", "--samples 1.5: wanted a whole number from 1 on"],
    [flags.wholeNumber("--samples", 1), "1e3", "--samples 1e3: wanted a whole number from 1 on"],
    [flags.share("--prompt-weight"), "2", "--prompt-weight 2: wanted a number from 0 to 1"],
    [flags.weight, "math", "--weight math: wanted NAME=WEIGHT with a weight from 0 to 1"],
    [flags.weight, "math=-1", "--weight math=-1: wanted NAME=WEIGHT with a weight from 0 to 1"],
    [flags.keyValue("--scorer-option"), "exact", "--scorer-option exact: wanted KEY=VALUE"],
    [flags.keyValue("--scorer-option"), "=1", "--scorer-option =1: wanted KEY=VALUE"],
    [flags.field, "body=text", `--field body=text: ${fields}`],
    [flags.field, "text=", `--field text=: ${fields}`],
    [flags.namedSource, "math=", "--task math=: wanted [NAME=]FILE"],
    [flags.oneOf("--metric", ["a", "b"]), "c", "--metric c: wanted a or b"],
    [flags.text("--out"), "", '--out "": wanted a value'],
  ];
  test.each(table.map(([read, value, message]) => ({ read, value, message })))("$message", ({ read, value, message }) => {
    expect(() => read(value)).toThrow(expect.objectContaining({ code: "usage", message }));
  });
});
