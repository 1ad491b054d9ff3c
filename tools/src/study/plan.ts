import { join } from "node:path";

/** One comparison of a study. */
export interface Study {
  readonly name: string;
  readonly task: string;
  readonly method: string;
  readonly amount: string;
  /** Of `secateur compare`. */
  readonly args: readonly string[];
}

/** A task's files: its training rows, and other rows to read once. */
const TASKS: Readonly<Record<string, { readonly template: string; readonly train: string; readonly test: string }>> = {
  gsm8k: { template: "gsm8k", train: "gsm8k/train.jsonl", test: "gsm8k/test.jsonl" },
  "arc-easy": { template: "arc", train: "arc-easy/train.jsonl", test: "arc-easy/test.jsonl" },
  // One file: rows 400 and up calibrate, those before measure; the template says so.
  mbpp: { template: "mbpp", train: "mbpp/mbpp.jsonl", test: "mbpp/mbpp.jsonl" },
  pubmedqa: { template: "pubmedqa", train: "pubmedqa/train.jsonl", test: "pubmedqa/test.jsonl" },
  spider: { template: "spider", train: "spider/train-00000-of-00001.parquet", test: "spider/validation-00000-of-00001.parquet" },
};

const LAYER_WISE = ["shared-exclusive", "shared-exclusive:tau=0.2", "max", "rank"];
const OF_THE_LOSS = ["max", "shared-exclusive:partition=inputs", "shared-exclusive:partition=both"];

/** A scorer, what repairs after it, and the rules that are held against its mixtures. */
const METHODS: Readonly<Record<string, { readonly args: readonly string[]; readonly rules: readonly string[] }>> = {
  magnitude: { args: ["--scorer", "magnitude"], rules: LAYER_WISE },
  wanda: { args: ["--scorer", "wanda"], rules: LAYER_WISE },
  sparsegpt: { args: ["--scorer", "sparsegpt"], rules: ["shared-exclusive", "max", "sum"] },
  fisher: { args: ["--scorer", "fisher"], rules: OF_THE_LOSS },
  "fisher-answers": { args: ["--scorer", "fisher", "--prompt-weight", "0"], rules: OF_THE_LOSS },
  "fisher+sparsegpt": { args: ["--scorer", "fisher", "--solver", "sparsegpt"], rules: OF_THE_LOSS },
};

/** What a study tries. */
export interface StudyGrid {
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  readonly amounts: readonly string[];
  /** Rules in place of those of each method, as `secateur compare` takes them. */
  readonly rules?: string | undefined;
}

/** Every task with every method and amount. `read` says which rows are measured on: those that the training files hold out, or the test files. */
export function studiesOf({ tasks, methods, amounts, rules: asked }: StudyGrid, data: string, read: "dev" | "test"): Study[] {
  return methods.flatMap((method) =>
    amounts.flatMap((amount) =>
      tasks.map((task) => {
        const files = of(TASKS, "task", task);
        const { args, rules } = of(METHODS, "method", method);
        return {
          name: `${task} ${method} ${amount} ${read}`,
          task,
          method,
          amount,
          args: [
            ...["--general", join(data, "c4-sample/c4_demo.jsonl")],
            ...["--task", `${task}=${join(data, files.train)}`, "--task-template", `${task}=${files.template}`],
            ...(read === "test"
              ? ["--eval", `${task}=${join(data, files.test)}`, "--eval", `general=${join(data, "wikitext2/test.raw.jsonl")}`]
              : []),
            ...(amount.includes(":") ? ["--pattern", amount] : ["--sparsity", amount]),
            ...args,
            ...["--fusion", asked ?? rules.join(",")],
          ],
        };
      }),
    ),
  );
}

function of<T>(known: Readonly<Record<string, T>>, what: string, name: string): T {
  const found = known[name];
  if (found === undefined) throw new Error(`the study has no ${what} ${name}; there are ${Object.keys(known).join(", ")}`);
  return found;
}
