import { mkdir, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import type { Backend } from "@secateur/kit";
import type { RecipeInput } from "@secateur/pipeline";
import type { DemoRequest } from "../jobs/messages.ts";
import { runPrune } from "../jobs/run-prune.ts";
import { readEnglish } from "./english.ts";
import { type Measured, measure, skillFile } from "./measure.ts";

/** What the demo found, and where it left its models. Paths are relative to the present folder. */
export interface DemoResult {
  readonly rows: readonly (Measured & { readonly label: string })[];
  readonly sparsity: number;
  readonly folder: string;
  /** The folder of the task-aware model, and data to measure it with. */
  readonly pruned: string;
  readonly data: string;
  readonly evaluatedRows: number;
}

const SKILLS = ["arithmetic", "lookup", "sort"];
const SPARSITY = 0.5;
const WINDOWS = { tokens: 256, count: 64 };
const ROWS = 200;

/**
 * Prunes the demo model at one ratio, once with general text alone and once for its three skills, and measures the dense model and both. Models and the
 * general text are left in `folder`; `step` is told what is being done.
 */
export async function runDemo(
  { model, folder, version, ...computing }: DemoRequest,
  backend: Backend,
  step: (message: string) => void,
  signal: AbortSignal,
): Promise<DemoResult> {
  step("reading English and the three skills");
  const english = await readEnglish();
  await mkdir(folder, { recursive: true });
  const general = join(folder, "english.calibration.jsonl");
  await writeFile(general, english.seen.map((text) => `${JSON.stringify({ text })}\n`).join(""));

  const skills = Object.fromEntries(SKILLS.map((skill) => [skill, skillFile(model, skill)]));
  const exam = { english: english.unseen, skills, rows: ROWS, windows: WINDOWS };
  const rows: DemoResult["rows"][number][] = [];
  const measureNext = async (label: string, measured: string, pruned: Parameters<typeof measure>[1]): Promise<void> => {
    step(`measuring the ${label} model`);
    rows.push({ label, ...(await measure(measured, pruned, exam, backend, signal)) });
  };

  await measureNext("dense", model, {});
  for (const { label, fusion, tasks } of variants(model)) {
    step(`pruning ${SPARSITY * 100} % of the block weights: ${label}`);
    const out = join(folder, label);
    const recipe: RecipeInput = { ...settings(model, general), ...computing, tasks, fusion };
    const pruned = await runPrune({ recipe, out, force: true, restart: true, dryRun: false, version }, { signal, emit: () => {} });
    await measureNext(label, out, pruned);
  }
  const pruned = shown(join(folder, "task-aware"));
  return { rows, sparsity: SPARSITY, folder: shown(folder), pruned, data: shown(skillFile(model, "arithmetic")), evaluatedRows: ROWS };
}

function variants(model: string): readonly { label: string; fusion: string; tasks: NonNullable<RecipeInput["tasks"]> }[] {
  const tasks = SKILLS.map((name) => ({ name, source: shown(join(model, `${name}.calibration.jsonl`)) }));
  return [
    { label: "general-only", fusion: "general", tasks: [] },
    { label: "task-aware", fusion: "shared-exclusive", tasks },
  ];
}

function settings(model: string, general: string): RecipeInput {
  return {
    model: shown(model),
    general: [{ source: shown(general) }],
    sparsity: SPARSITY,
    samples: WINDOWS.count,
    seqLen: WINDOWS.tokens,
    pack: true,
    shuffle: true,
  };
}

/** A path as a person in the present folder would type it. */
function shown(path: string): string {
  return relative(process.cwd(), path) || ".";
}
