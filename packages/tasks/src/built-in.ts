import type { TaskTemplate } from "./task-template.ts";

/** The templates that come with this package, as lm-evaluation-harness (EleutherAI) asks where it has the task. */
export const TASK_TEMPLATES: readonly TaskTemplate[] = [
  {
    name: "gsm8k",
    summary: "grade-school mathematics; the number after #### counts",
    prompt: "Question: {question}\nAnswer:",
    answer: " {answer}",
    stop: ["Question:"],
    counts: "#### (-?[0-9.,]+)",
  },
  {
    name: "arc",
    summary: "science questions with choices, easy and hard",
    prompt: "Question: {question}\nAnswer:",
    choices: " {choices.text|choices}",
    labels: "{choices.label}",
    key: "{answerKey|answer}",
  },
  {
    name: "mmlu",
    summary: "questions of many subjects with four choices, after five of SUBJECT_dev.csv in the folder dev beside the data's",
    columns: ["question", "A", "B", "C", "D", "answer"],
    trim: ["question"],
    prompt: "{question}\nA. {A|choice0|choices.0}\nB. {B|choice1|choices.1}\nC. {C|choice2|choices.2}\nD. {D|choice3|choices.3}\nAnswer:",
    choices: [" A", " B", " C", " D"],
    key: "{answer}",
    fewShot: {
      count: 5,
      file: "^(?<subject>.+)_(?:dev|val|test)(?<ending>\\.csv(?:\\.gz)?)$",
      source: "../dev/{subject}_dev{ending}",
      introduction: "The following are multiple choice questions (with answers) about {subject}.",
    },
  },
  {
    name: "pubmedqa",
    summary: "yes, no or maybe, from the abstract of a study",
    prompt: "Abstract: {contexts|context.contexts|CONTEXTS}\nQuestion: {question|QUESTION}\nAnswer:",
    choices: [" yes", " no", " maybe"],
    key: "{final_decision}",
  },
  {
    name: "mbpp",
    summary: "short Python programs; rows from 400 on calibrate, those before evaluate",
    prompt:
      "You are an expert Python programmer, and here is your task: {text|prompt} Your code should pass these tests:\n\n{test_list.0}\n{test_list.1}\n{test_list.2}\n[BEGIN]\n",
    answer: "{code}\n[DONE]",
    stop: ["[DONE]"],
    rows: { calibrate: { from: 400 }, evaluate: { to: 400 } },
  },
  {
    name: "lambada",
    summary: "the last word of a passage",
    parts: { text: "^(?<context>[^]*) (?<continuation>[^ ]+)$" },
    prompt: "{context}",
    answer: " {continuation}",
    counts: '[^\\s.,;:!?"“”‘]+', // the first word, without what is around it
    maxTokens: 16, // a word has no more
  },
  {
    name: "spider",
    summary: "questions to databases as SQL",
    prompt: "Database: {db_id}\nQuestion: {question}\nSQL:",
    answer: " {query}",
    stop: ["\n"],
  },
];
