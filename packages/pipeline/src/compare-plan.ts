import type { Backend, Document, Loader, Need, OpenModel, Role } from "@secateur/kit";
import { GENERAL } from "@secateur/kit";
import { describeModel, type ModelDescription } from "@secateur/models";
import type { Layout } from "@secateur/statistics";
import { checkAllocator } from "./allocation.ts";
import { loadRoles, type RoleData } from "./data.ts";
import { checkDense, checkPredictions, layoutOf } from "./dense-pass.ts";
import { estimateDense } from "./estimate-dense.ts";
import {
  boundsOf,
  checkLeakage,
  createCalibrated,
  type EvaluationBounds,
  type EvaluationSet,
  type EvaluationSource,
  loadEvaluation,
} from "./evaluation-data.ts";
import { halvesOf } from "./halves.ts";
import { isHeldOut } from "./holdout.ts";
import { type EvaluationFacts, evaluationFacts, type MeasureInput } from "./measuring.ts";
import { defaultMemory } from "./memory.ts";
import { methodOf, uniqueNeeds } from "./method.ts";
import { checkOutputFile, checkSpace } from "./output.ts";
import { checkPattern, countsOf, inputsOf, type Parts, type Plan } from "./plan.ts";
import type { DataSource, Recipe } from "./recipe.ts";
import { chooseSeqLen } from "./seq-len.ts";
import { type Section, selectTargets } from "./targets.ts";
import { type Variant, type VariantsInput, variantsOf } from "./variants.ts";

/** What is compared, and on what. */
export interface CompareInput extends VariantsInput, MeasureInput {
  /** What models are measured on, by name: a role's data to measure with, or other data. Of a role without any, a part of its rows is held out. */
  readonly evaluate: readonly EvaluationSource[];
}

/** What the variants of a comparison have in common, with defaults filled in. */
export type SharedRecipe = Omit<Recipe, "fusion" | "fusionOptions">;

/** What a comparison is planned with. */
export interface CompareParts {
  readonly format: Parts["format"];
  readonly loaders: readonly Loader[];
  /** The tokens that one run of the backend should hold. */
  readonly preferredTokens: Backend["preferredTokens"];
  readonly memoryBytes?: number | undefined;
  /** What a recipe's names stand for. */
  resolve(recipe: Recipe): Promise<Omit<Parts, "preferredTokens" | "memoryBytes">>;
}

/** A checked comparison. Whoever plans it closes it. */
export interface ComparePlan {
  readonly model: OpenModel;
  readonly description: ModelDescription;
  readonly sections: readonly Section[];
  /** What was asked for, with defaults filled in. */
  readonly input: CompareInput & { readonly recipe: SharedRecipe };
  /** What the variants have in common. */
  readonly recipe: Recipe & { readonly seqLen: number };
  readonly variants: readonly (Variant & { readonly parts: Parts })[];
  /** The union of what the variants read. */
  readonly needs: readonly Need[];
  readonly layout: Layout;
  /** Each role's data in two halves: what pools or fuses roles reads one half of each, so that it costs as many tokens as a single role's both. */
  readonly halves: readonly [readonly RoleData[], readonly RoleData[]];
  readonly evaluation: readonly EvaluationSet[];
  readonly bounds: EvaluationBounds;
  readonly preferredTokens: number;
  readonly memoryBytes: number;
  readonly summary: Pick<Plan["summary"], "model" | "modelType" | "blocks" | "parameters" | "layers" | "prunable" | "warnings"> & {
    readonly roles: readonly {
      readonly role: Role;
      readonly sources: readonly string[];
      readonly sequences: number;
      readonly tokens: number;
      readonly hash: string;
    }[];
    readonly evaluation: readonly EvaluationFacts[];
    readonly variants: readonly string[];
    /** Tokens through blocks that calibrating takes, a way back counted twice. */
    readonly work: number;
    /** Of the statistics, while the comparison lasts. */
    readonly diskBytes: number;
  };
  /** Closes the model. */
  close(): Promise<void>;
}

/** Checks a comparison: its recipes, the model's headers, all data, that none is measured with that is calibrated with, and the place for an output, which is a file. No weight is read, nothing is written. */
export async function planCompare(
  input: CompareInput,
  parts: CompareParts,
  out?: { readonly path: string; readonly force: boolean },
): Promise<ComparePlan> {
  const named = variantsOf(input);
  const { loaders, preferredTokens, memoryBytes = defaultMemory() } = parts;
  const { recipe: first } = named[0] as Variant; // general text alone
  if (out) {
    const read = inputsOf(first);
    const measured = input.evaluate.map(({ source }) => source);
    await checkOutputFile(out.path, { ...read, data: [...read.data, ...measured] }, out.force);
  }
  const model = await parts.format.open(first.model);
  try {
    const description = describeModel(model);
    const sections = selectTargets(description, first.include, first.exclude);
    checkPattern(first, sections);
    const seqLen = chooseSeqLen(first.seqLen, description);
    const recipe = { ...first, seqLen };
    const variants: ComparePlan["variants"][number][] = [];
    for (const variant of named)
      variants.push({ ...variant, parts: { ...(await parts.resolve(variant.recipe)), preferredTokens, memoryBytes } });
    const needs = await needsOf(variants, sections);
    checkDense(sections, description, needs);

    const roles = rolesOf(recipe);
    const bounds = boundsOf(input, seqLen, description);
    const evaluation = await loadEvaluation(roles, input.evaluate, bounds, loaders);
    const calibrated = createCalibrated();
    const data: RoleData[] = [];
    for (const wanted of roles) {
      const heldOut = evaluation.some(({ name, heldOut }) => name === wanted.role && heldOut);
      const take = (document: Document): boolean => {
        if (heldOut && isHeldOut(document)) return false;
        calibrated.add(wanted.role, document);
        return true;
      };
      data.push(...(await loadRoles([wanted], recipe, { loaders, model, description, seqLen, take })));
    }
    const leaks = checkLeakage(
      evaluation,
      calibrated,
      (name, source) => `give other rows, or leave --eval ${name}=${source} out, so that rows are held out`,
    );
    const halves = data.map(halvesOf);
    const [one, other] = [halves.map(([half]) => half), halves.map(([, half]) => half)];
    for (const half of [one, other]) checkPredictions(half, needs);
    const layout = layoutOf(sections, needs, data);
    const cost = estimateDense({ model, description, sections, needs, roles: data, data, preferredTokens, memoryBytes }, layout);
    const diskBytes = FILES * cost.diskBytes + cost.scratchBytes;
    if (out) await checkSpace(out.path, diskBytes);
    return {
      model,
      description,
      sections,
      input: { ...input, recipe: sharedRecipe(input, recipe) },
      recipe,
      variants,
      needs,
      layout,
      halves: [one, other],
      evaluation,
      bounds,
      preferredTokens,
      memoryBytes,
      summary: {
        ...countsOf(model, description, sections),
        roles: data.map(({ role, sources, count, tokens, hash }) => ({ role, sources, sequences: count, tokens, hash })),
        evaluation: evaluationFacts({ evaluation }),
        variants: variants.map(({ name }) => name),
        work: cost.work,
        diskBytes,
        warnings: [...data.flatMap(({ warnings }) => warnings), ...leaks],
      },
      close: () => model.close(),
    };
  } catch (error) {
    await model.close();
    throw error;
  }
}

/** The recipe that was asked for: what decides a single variant is not of the others. */
function sharedRecipe({ recipe: { weights = {} } }: CompareInput, first: Recipe): SharedRecipe {
  const { fusion: _fusion, fusionOptions: _options, ...recipe } = first;
  return { ...recipe, weights };
}

// Two halves, and both together.
const FILES = 3;

async function needsOf(variants: ComparePlan["variants"], sections: readonly Section[]): Promise<Need[]> {
  const needs: Need[] = [];
  for (const { recipe, parts } of variants) {
    const { scoreNeeds, rankingNeeds, walkNeeds, ratios } = methodOf({ ...recipe, fusion: parts.fusion, propagate: "none" }, parts);
    needs.push(...scoreNeeds, ...rankingNeeds, ...walkNeeds, ...(ratios?.needs ?? []));
    if (ratios) await checkAllocator(ratios, sections, recipe);
  }
  return uniqueNeeds(needs);
}

function rolesOf({ general, tasks }: Recipe): { role: Role; sources: readonly DataSource[] }[] {
  return [{ role: GENERAL, sources: general }, ...tasks.map((task) => ({ role: task.name, sources: [task] }))];
}
