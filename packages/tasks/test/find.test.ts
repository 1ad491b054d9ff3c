import { findTemplate, splitsRows, TASK_TEMPLATES } from "@secateur/tasks";
import { describe, expect, it } from "vitest";
import { testFolder } from "./support.ts";

const { path, write } = testFolder();
const NAMES = TASK_TEMPLATES.map(({ name }) => name).join(", ");

describe("findTemplate", () => {
  it("takes a text with places for itself, a name for the built-in, and a path for a file", async () => {
    expect(await findTemplate("{text}|||{code}")).toBe("{text}|||{code}");
    expect(await findTemplate("gsm8k")).toBe(TASK_TEMPLATES[0]);
    const template = { prompt: "{q}", answer: "{a}", rows: { calibrate: { from: 2 } }, fewShot: { count: 1, rows: { to: 1 } } };
    expect(await findTemplate(write("t.json", template))).toEqual(template);
    expect(await findTemplate(write("bom.json", `\uFEFF${JSON.stringify(template)}`))).toEqual(template);
  });

  it.each([
    [
      "gsm8",
      "not-found",
      `no task template is called "gsm8": they are ${NAMES}; did you mean "gsm8k"? (a file's name ends in .json, a template text has {column} places)`,
    ],
    ["MMLU", "not-found", expect.stringContaining('did you mean "mmlu"?')],
    [
      "poems",
      "not-found",
      `no task template is called "poems": they are ${NAMES} (a file's name ends in .json, a template text has {column} places)`,
    ],
    ["missing.json", "not-found", "no task template at missing.json: there is no such file"],
  ])("refuses %s", async (template, code, message) => {
    await expect(findTemplate(template)).rejects.toMatchObject({ code, message });
  });

  it.each<[unknown, string]>([
    ["{", "not JSON, a task template as an object was wanted"],
    [5, "the template: 5 was given, an object is wanted"],
    [{ promt: "{a}" }, 'the template: no key is called "promt"; did you mean "prompt"?'],
    [{ prompt: 5 }, "prompt: 5 was given, a text with {column} places is wanted"],
    [{ maxTokens: 0 }, "maxTokens: 0 was given, a whole number from 1 on is wanted"],
    [{ stop: "x" }, 'stop: "x" was given, a list: a text each is wanted'],
    [{ choices: [1] }, "choices: [1] was given, a list of texts, or a text with one {column}, which holds a list is wanted"],
    [{ counts: "(" }, 'counts: "(" was given, a regular expression is wanted'],
    [{ parts: { text: "[" } }, 'parts.text: "[" was given, a regular expression is wanted'],
    [{ rows: { calibrate: { from: -1 } } }, "rows.calibrate.from: -1 was given, a whole number from 0 on is wanted"],
    [{ rows: { train: {} } }, 'rows: no key is called "train", the keys are calibrate, evaluate'],
    [{ fewShot: { count: 0 } }, "fewShot.count: 0 was given, a whole number from 1 on is wanted"],
    [{ fewShot: { count: 1, file: "(" } }, 'fewShot.file: "(" was given, a regular expression is wanted'],
    [{ fewShot: {} }, "fewShot.count: nothing was given, a whole number from 1 on is wanted"],
  ])("refuses a file of %j", async (content, message) => {
    const file = write("bad.json", content);
    await expect(findTemplate(file)).rejects.toMatchObject({ code: "usage", message: `${file}: ${message}`, where: { file } });
  });

  it("refuses a folder", async () => {
    await expect(findTemplate(`${path("")}/`)).rejects.toMatchObject({ code: "io" });
  });
});

it("splitsRows tells a template that parts calibration from evaluation", async () => {
  expect(await Promise.all([undefined, "{a}", "gsm8k", "mbpp"].map(splitsRows))).toEqual([false, false, false, true]);
  expect(await splitsRows(write("half.json", { text: "{a}", rows: { calibrate: { from: 2 } } }))).toBe(false);
});
