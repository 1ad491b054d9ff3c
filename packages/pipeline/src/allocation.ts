import { type Amount, apportion } from "@secateur/fusion";
import { type AllocateLayer, type Backend, type MeasureLayer, type RatioAllocator, throwIfCancelled } from "@secateur/kit";
import type { Tensor } from "@secateur/tensor";
import { frozen, type Given, sumsOf, weightsOf } from "./given.ts";
import { linearOf } from "./linear.ts";
import { type Passes, passesOf, readingPasses } from "./passes.ts";
import type { Plan } from "./plan.ts";
import { complain, createPluginGuard, type PluginGuard } from "./plugin-guard.ts";
import { createPooler, mixtureOf } from "./pooled.ts";
import { readingWalk } from "./reading-walk.ts";
import type { Recipe } from "./recipe.ts";
import type { Section } from "./targets.ts";
import { startWalk, statsOf, type Walk, type WalkOptions } from "./walk.ts";

/** How many weights of each tensor are pruned, or of each of its rows, where an allocator or scores that compete beyond the matrix have chosen. */
export type Counts = Readonly<Record<string, number | readonly number[]>>;

/** How much of a tensor is pruned: what the allocator has chosen, or the ratio of all. */
export function amountOf(plan: Plan, counts: Counts | undefined, tensor: string): Amount {
  const count = counts?.[tensor];
  if (count === undefined) return plan.recipe.sparsity as number; // without a pattern a checked recipe has a ratio
  return typeof count === "number" ? { count } : { rows: count };
}

/** The passes of the dense model that an allocator's measure takes; none where it has none. */
export function measuringPasses(allocator: RatioAllocator | undefined, sections: readonly Section[], reading: boolean): Passes[] {
  if (!allocator?.measure) return [];
  return reading ? readingPasses(sections) : passesOf(sections, "none");
}

/** Has an allocator choose as if all blocks measured the same, so that a budget that it cannot meet is refused before anything runs. */
export function checkAllocator(
  allocator: RatioAllocator,
  sections: readonly Section[],
  recipe: Pick<Recipe, "sparsity" | "allocate">,
): void {
  choose(createPluginGuard(), allocator, sections, recipe, allocator.measure && sections.map(() => 0));
}

/** Has the plan's allocator choose each layer's part of the budget: first its pass through the dense model, if it has one. The counts sum to the ratio of the whole. */
export async function allocateCounts(
  { plan, backend, guard }: AllocateContext,
  allocator: RatioAllocator,
  options: WalkOptions,
): Promise<Counts> {
  const measures = allocator.measure && (await measureSections({ plan, backend, guard }, allocator, options));
  return choose(guard, allocator, plan.sections, plan.recipe, measures);
}

interface AllocateContext {
  readonly plan: Plan;
  readonly backend: Backend;
  readonly guard: PluginGuard;
}

function choose(
  guard: PluginGuard,
  allocator: RatioAllocator,
  sections: readonly Section[],
  recipe: Pick<Recipe, "sparsity" | "allocate">,
  measures: readonly number[] | undefined,
): Counts {
  const layers = sections.flatMap(({ linears }, block) =>
    linears.map(
      ({ tensor, shape }): AllocateLayer => ({ name: tensor, block, shape: [...shape], ...(measures && { measure: measures[block] }) }),
    ),
  );
  const ratio = recipe.sparsity as number; // an allocator is refused beside a pattern
  const ratios = guard.run(nameOf(recipe), undefined, [], () => allocator.allocate(frozen(layers), ratio));
  const sizes = layers.map(({ shape }) => shape[0] * shape[1]);
  checkRatios(recipe, layers, ratios);
  checkBudget(recipe, ratios, sizes, ratio);
  const counts = apportion(ratios, sizes, ratio);
  return Object.fromEntries(layers.map(({ name }, i) => [name, counts[i] as number])); // one a layer
}

async function measureSections(context: AllocateContext, allocator: RatioAllocator, options: WalkOptions): Promise<number[]> {
  const { plan, backend } = context;
  const { statistics, roles } = plan;
  const passes = measuringPasses(allocator, plan.sections, statistics !== undefined);
  const walk = statistics ? readingWalk(statistics, roles) : await startWalk(plan, backend, { ...options, phase: "allocate" });
  const measures: number[] = [];
  try {
    for (const [index, section] of plan.sections.entries()) {
      throwIfCancelled(options.signal);
      measures.push(await measureSection(context, allocator, walk, index, section, passes[index] as Passes)); // one a section
    }
  } finally {
    await walk.release();
  }
  return measures;
}

async function measureSection(
  { plan, guard }: AllocateContext,
  allocator: RatioAllocator,
  walk: Walk,
  index: number,
  section: Section,
  passes: Passes,
): Promise<number> {
  const weights = await walk.load(section, (name) => plan.model.read(name));
  const pool = createPooler();
  try {
    const layers: MeasureLayer[] = [];
    const given: Given[number][] = [];
    for (const step of passes.steps) {
      const stats = await walk.collect({ index, share: passes.share }, step, weights, plan.method.ratioNeeds);
      for (const target of step.targets) {
        const tensor = weights.tensors.get(target.weight.name) as Tensor; // loaded with its program
        const measured = {
          layer: linearOf(target, tensor),
          stats: mixtureOf(statsOf(target.weight.name, stats), plan.weights, pool),
        };
        const of = ` of ${target.tensor}`;
        layers.push(measured);
        given.push(...weightsOf(measured.layer, of), ...sumsOf(measured.stats, allocator.needs, of));
      }
    }
    if (layers.length === 0) return 0;
    const measure = guard.run(nameOf(plan.recipe), section, given, () => allocator.measure?.(frozen(layers)));
    if (typeof measure !== "number" || !Number.isFinite(measure))
      complain(nameOf(plan.recipe), undefined, `gave ${measure} as the measure of ${section.label}, wanted a finite number`);
    return measure;
  } finally {
    weights.release();
  }
}

type Named = Pick<Recipe, "allocate">;

function checkRatios(recipe: Named, layers: readonly AllocateLayer[], ratios: readonly number[]): void {
  const who = nameOf(recipe);
  if (!Array.isArray(ratios) || ratios.length !== layers.length)
    complain(who, undefined, `gave ${Array.isArray(ratios) ? ratios.length : "no"} ratios for ${layers.length} layers`);
  const bad = ratios.findIndex((ratio) => !(typeof ratio === "number" && ratio >= 0 && ratio <= 1));
  if (bad >= 0) complain(who, undefined, `gave ${layers[bad]?.name} the ratio ${ratios[bad]}, wanted a number from 0 to 1`);
}

/** Refuses ratios that miss the budget by more than half a weight a layer, which is what `apportion` makes up for. */
function checkBudget(recipe: Named, ratios: readonly number[], sizes: readonly number[], ratio: number): void {
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  const pruned = ratios.reduce((sum, one, i) => sum + one * (sizes[i] as number), 0); // a size a ratio
  if (Math.abs(pruned - ratio * whole) <= ratios.length / 2) return;
  const found = `${Number((pruned / whole).toPrecision(4))} of all weights (${Math.round(pruned)} of ${whole})`;
  complain(nameOf(recipe), undefined, `gave ratios that prune ${found}, wanted ${ratio} (${Math.round(ratio * whole)})`);
}

function nameOf({ allocate }: Named): string {
  return `allocator ${allocate}`;
}
