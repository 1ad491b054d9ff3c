import { parseTaskTemplate, TASK_TEMPLATES } from "@secateur/tasks";
import { describe, expect, it, test } from "vitest";
import { read, testFolder } from "./support.ts";

const { write } = testFolder();

describe("the built-in templates", () => {
  test.each(TASK_TEMPLATES)("$name is what a file may say, with a name and a summary of one line", (template) => {
    expect(parseTaskTemplate(JSON.parse(JSON.stringify(template)), "it")).toEqual(template);
    expect(template.name).toMatch(/^[a-z0-9]+$/);
    expect(template.summary).toMatch(/^\S.{10,120}$/);
  });

  it.each([
    [
      "gsm8k",
      { question: "Ann has 2 apples and finds 3. How many has she?", answer: "2 + 3 = <<2+3=5>>5\n#### 5" },
      {
        kind: "answer",
        prompt: "Question: Ann has 2 apples and finds 3. How many has she?\nAnswer:",
        answer: " 2 + 3 = <<2+3=5>>5\n#### 5",
        stop: ["Question:"],
        counts: "#### (-?[0-9.,]+)",
      },
    ],
    [
      "arc",
      { question: "What melts?", choices: { text: ["ice", "stone"], label: ["A", "B"] }, answerKey: "A" },
      { kind: "choices", prompt: "Question: What melts?\nAnswer:", choices: [" ice", " stone"], answer: 0 },
    ],
    [
      "arc",
      { question: "What melts?", choices: { text: ["ice", "stone"], label: ["1", "2"] }, answerKey: "2" },
      { kind: "choices", prompt: "Question: What melts?\nAnswer:", choices: [" ice", " stone"], answer: 1 },
    ],
    [
      "arc",
      { question: "What melts?", choices: ["ice", "stone"], answer: 0 },
      { kind: "choices", prompt: "Question: What melts?\nAnswer:", choices: [" ice", " stone"], answer: 0 },
    ],
    [
      "pubmedqa",
      { question: "Does it help?", contexts: ["Some got it.", "They fared well."], final_decision: "maybe" },
      {
        kind: "choices",
        prompt: "Abstract: Some got it.\nThey fared well.\nQuestion: Does it help?\nAnswer:",
        choices: [" yes", " no", " maybe"],
        answer: 2,
      },
    ],
    [
      "pubmedqa",
      { question: "Does it help?", context: { contexts: ["It did."] }, final_decision: "yes" },
      { kind: "choices", prompt: "Abstract: It did.\nQuestion: Does it help?\nAnswer:", choices: [" yes", " no", " maybe"], answer: 0 },
    ],
    [
      "mbpp",
      {
        text: "Add two numbers.",
        code: "def add(a, b):\n  return a + b",
        test_list: ["assert add(1, 2) == 3", "assert add(0, 0) == 0", "assert add(1, 1) == 2"],
      },
      {
        kind: "answer",
        prompt:
          "You are an expert Python programmer, and here is your task: Add two numbers. Your code should pass these tests:\n\nassert add(1, 2) == 3\nassert add(0, 0) == 0\nassert add(1, 1) == 2\n[BEGIN]\n",
        answer: "def add(a, b):\n  return a + b\n[DONE]",
        stop: ["[DONE]"],
      },
    ],
    [
      "lambada",
      { text: "She looked for the key and found the key" },
      { kind: "answer", prompt: "She looked for the key and found the", answer: " key", counts: '[^\\s.,;:!?"“”‘]+', maxTokens: 16 },
    ],
    [
      "lambada",
      { context: "She looked for the key and found the", continuation: "key" },
      { kind: "answer", prompt: "She looked for the key and found the", answer: " key", counts: '[^\\s.,;:!?"“”‘]+', maxTokens: 16 },
    ],
    [
      "spider",
      { db_id: "zoo", question: "How many lions are there?", query: "SELECT count(*) FROM lion" },
      {
        kind: "answer",
        prompt: "Database: zoo\nQuestion: How many lions are there?\nSQL:",
        answer: " SELECT count(*) FROM lion",
        stop: ["\n"],
      },
    ],
  ])("%s reads %o", async (template, row, wanted) => {
    expect((await read({ source: write("a.jsonl", [row]), template })).documents).toEqual([wanted]);
  });

  describe("mmlu", () => {
    const DEV = [
      "Is 1 odd?,yes,no,maybe,never,A",
      "Is 2 odd?,yes,no,maybe,never,B",
      "Is 3 odd?,yes,no,maybe,never,A",
      "Is 4 odd?,no,yes,maybe,never,A",
      "Is 5 odd?,never,no,maybe,yes,D",
    ];
    const shot = (question: string, [a, b, c, d]: readonly string[], key: string) =>
      `${question}\nA. ${a}\nB. ${b}\nC. ${c}\nD. ${d}\nAnswer:${key}`;
    const examples = DEV.map((line) => line.split(",")).map(([question = "", ...rest]) => shot(question, rest, ` ${rest[4]}`));
    const before = ["The following are multiple choice questions (with answers) about odd numbers.", ...examples, ""].join("\n\n");
    const wanted = [
      {
        kind: "choices",
        prompt: before + shot("Is 6 odd?", ["yes", "maybe", "no, never", "who knows"], ""),
        choices: [" A", " B", " C", " D"],
        answer: 2,
      },
    ];

    it("reads a table without a header row, after the five examples of its subject", async () => {
      write("mmlu/dev/odd_numbers_dev.csv", `${DEV.join("\n")}\nIs 7 odd?,a,b,c,d,A\n`);
      const source = write("mmlu/test/odd_numbers_test.csv", 'Is 6 odd?,yes,maybe,"no, never",who knows,C\n');
      const { documents, lines, report } = await read({ source, template: "mmlu" });
      expect(documents).toEqual(wanted);
      expect(lines).toEqual([1]);
      expect(report).toEqual({ rows: 1, empty: 0, duplicates: 0 });
    });

    it("reads one with a header row and the places of the right choices", async () => {
      const header = "question,choice0,choice1,choice2,choice3,answer";
      const places = DEV.map((line) => `${line.slice(0, -1)}${"ABCD".indexOf(line.at(-1) as string)}`);
      write("headed/dev/odd_numbers_dev.csv", [header, ...places].join("\n"));
      const source = write("headed/test/odd_numbers_test.csv", `${header}\n Is 6 odd? ,yes,maybe,"no, never",who knows,2\n`);
      expect((await read({ source, template: "mmlu" })).documents).toEqual(wanted);
    });

    it("says where it looks for its examples", async () => {
      const alone = write("alone/test/odd_numbers_test.csv", "Is 6 odd?,a,b,c,d,C\n");
      await expect(read({ source: alone, template: "mmlu" })).rejects.toMatchObject({
        code: "not-found",
        message: expect.stringContaining("alone/dev/odd_numbers_dev.csv: no such file"),
      });
      const misnamed = write("questions.csv", "Is 6 odd?,a,b,c,d,C\n");
      await expect(read({ source: misnamed, template: "mmlu" })).rejects.toMatchObject({
        code: "usage",
        message: expect.stringContaining(
          `${misnamed}: the examples before its prompts are found by the name of the file, which does not fit ^(?<subject>.+)_`,
        ),
      });
      write("few/dev/odd_numbers_dev.csv", `${DEV[0]}\n`);
      const few = write("few/test/odd_numbers_test.csv", "Is 6 odd?,a,b,c,d,C\n");
      await expect(read({ source: few, template: "mmlu" })).rejects.toMatchObject({
        code: "data",
        message: expect.stringContaining("odd_numbers_dev.csv: 1 examples were found, 5 are put before each prompt"),
      });
    });
  });

  it("mbpp calibrates with rows from 400 on and evaluates on those before", async () => {
    const row = (n: number) => ({ text: `Write ${n}.`, code: `${n}`, test_list: ["a", "b", "c"] });
    const source = write(
      "mbpp.jsonl",
      Array.from({ length: 410 }, (_, i) => row(i)),
    );
    const calibrate = await read({ source, template: "mbpp" }, "calibrate");
    expect([calibrate.lines[0], calibrate.lines.length, calibrate.report.rows]).toEqual([401, 10, 10]);
    const evaluate = await read({ source, template: "mbpp" }, "evaluate");
    expect([evaluate.lines.at(-1), evaluate.lines.length, evaluate.report.rows]).toEqual([400, 400, 400]);
  });

  it.each(TASK_TEMPLATES.filter(({ name }) => name !== "mmlu"))("$name names what it misses, and what there is", async ({ name }) => {
    const source = write("other.jsonl", [{ body: "x", year: 1 }]);
    await expect(read({ source, template: name })).rejects.toMatchObject({
      code: "data",
      message: expect.stringMatching(new RegExp(`^${source}, line 1: the template's column ".+" is missing, the row has "body", "year"$`)),
    });
  });
});
