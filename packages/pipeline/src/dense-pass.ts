import { type Backend, type Need, type Role, type RoleStats, SecateurError, throwIfCancelled } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import { createEngine, createStateStore, embed, loadWeights, startBackward } from "@secateur/runner";
import { type Layout, orderRoles, type StatisticsSink } from "@secateur/statistics";
import type { RoleData } from "./data.ts";
import { passesOf } from "./passes.ts";
import { createSumShapes } from "./sum-shapes.ts";
import type { Section, Target } from "./targets.ts";
import { startWalk, statsOf, type WalkOptions, type WalkPlan } from "./walk.ts";

/** What is to be collected of the dense model. */
export interface DensePlan extends Omit<WalkPlan, "summary"> {
  readonly needs: readonly Need[];
}

/** Whether one of these statistics reads the gradient of the model's loss, which takes a way back through the blocks. */
export function readsGradients(needs: readonly Need[]): boolean {
  return needs.some(({ of }) => of === "gradient");
}

/** The needs by the pass that collects them: the way back has the layers' inputs too. */
export function needsByPass(needs: readonly Need[]): { readonly forward: readonly Need[]; readonly backward: readonly Need[] } {
  if (!readsGradients(needs)) return { forward: needs, backward: [] };
  const regional = ({ of }: Need): boolean => of === "regional";
  return { forward: needs.filter(regional), backward: needs.filter((need) => !regional(need)) };
}

/** Throws SecateurError `unsupported` for layers whose statistics cannot be collected: of the output head there is no gradient. */
export function checkDense(sections: readonly Section[], { blocks }: ModelDescription, needs: readonly Need[]): void {
  const head = sections[blocks.length]?.linears[0];
  const need = needs.find(({ of }) => of === "gradient" || of === "regional");
  if (!head || !need) return;
  throw new SecateurError(
    "unsupported",
    `${need.id} is collected of the blocks' linear layers, and ${head.tensor} is the output head: leave it out`,
    {
      where: { tensor: head.tensor },
    },
  );
}

/** Throws SecateurError `data` for a role whose loss there is nothing to take a gradient of: a first token is predicted by none. */
export function checkPredictions(data: readonly RoleData[], needs: readonly Need[]): void {
  if (!readsGradients(needs)) return;
  const mute = data.find(({ sequences }) => !sequences.some(({ weights }) => weights.subarray(1).some((weight) => weight !== 0)));
  if (!mute) return;
  const message = `role ${mute.role} (${mute.sources.join(", ")}): no token that is predicted has weight, so that there is no loss to take a gradient of`;
  throw new SecateurError("data", message, { where: { file: mute.sources[0] as string } }); // a role that is read has a source
}

/**
 * Passes every role's data through the dense model, and back from the loss where statistics read gradients, and writes what is summed. `total` is the work of the
 * whole run in tokens through blocks; a way back counts each block twice.
 */
export async function collectDense(
  plan: DensePlan,
  sink: StatisticsSink,
  backend: Backend,
  { total, ...options }: WalkOptions & { readonly total: number },
): Promise<void> {
  const { forward, backward } = needsByPass(plan.needs);
  let { done = 0 } = options;
  const count = (tokens: number): number => {
    done += tokens;
    return Math.round(done);
  };
  if (backward.length > 0) {
    for (const role of plan.data) await collectBackward({ ...plan, needs: backward }, role, sink, backend, { ...options, total, count });
  }
  if (forward.length > 0) await collectForward({ ...plan, needs: forward, summary: { work: total } }, sink, backend, { ...options, done });
}

async function collectForward(plan: DensePlan & WalkPlan, sink: StatisticsSink, backend: Backend, options: WalkOptions): Promise<void> {
  const passes = passesOf(plan.sections, "none");
  const walk = await startWalk(plan, backend, options);
  try {
    for (const [index, section] of plan.sections.entries()) {
      throwIfCancelled(options.signal);
      const { steps, share } = passes[index] as (typeof passes)[number]; // one a section
      const weights = await walk.load(section, (name) => plan.model.read(name));
      try {
        for (const step of steps) {
          const stats = await walk.collect({ index, share }, step, weights, plan.needs);
          for (const role of stats.keys()) {
            await writeSection(sink, role, section, plan.needs, (weight) => statsOf(weight, stats).get(role) as RoleStats); // a role of the walk
          }
        }
      } finally {
        weights.release();
      }
    }
  } finally {
    await walk.release();
  }
}

type BackwardOptions = WalkOptions & { readonly total: number; readonly count: (tokens: number) => number };

/** One role's way to the loss and back. Only its hidden states are held, and of the sums one block's. */
async function collectBackward(
  { model, description, sections, preferredTokens, memoryBytes, needs }: DensePlan,
  { role, sequences }: RoleData,
  sink: StatisticsSink,
  backend: Backend,
  { emit, signal, scratch, phase = "gradients", total, count }: BackwardOptions,
): Promise<void> {
  const engine = createEngine(model, description, backend);
  const store = createStateStore({ memoryBytes, scratch });
  const report = (block: number, tokens: number): void =>
    emit({ type: "progress", phase, block, blocks: description.blocks.length, role, done: count(tokens), total });
  const following = signal ? { signal } : {};
  try {
    const stream = await embed(model, description, sequences, preferredTokens, store);
    const pass = await startBackward(engine, stream, { onBatch: (tokens) => report(0, tokens), ...following }).catch((error: unknown) => {
      throw error instanceof SecateurError && error.code === "numeric"
        ? new SecateurError("numeric", `role ${role}: ${error.message}`, { cause: error })
        : error;
    });
    const first = sections.findIndex(({ linears }) => linears.length > 0);
    for (let block = description.blocks.length - 1; block >= first; block--) {
      throwIfCancelled(signal);
      const { program, prefix } = description.blocks[block] as (typeof description.blocks)[number];
      const section = sections[block];
      const linears = new Set(section?.linears.map(({ weight }) => weight.name));
      const weights = await loadWeights(engine, program, prefix);
      try {
        const onBatch = (tokens: number): void => report(block, 2 * tokens);
        const stats = await pass.collect(block, weights, { needs, linears, onBatch, ...following });
        if (section) await writeSection(sink, role, section, needs, (weight) => stats.get(weight) as RoleStats); // collected, as asked for
      } finally {
        weights.release();
      }
    }
  } finally {
    try {
      await store.close();
    } finally {
      await engine.release();
    }
  }
}

/** Writes a section's statistics, those of inputs once for the layers that read the same. */
async function writeSection(
  sink: StatisticsSink,
  role: Role,
  section: Section,
  needs: readonly Need[],
  statsOfLayer: (weight: string) => RoleStats,
): Promise<void> {
  for (const group of sharing(section)) {
    for (const need of needs) {
      for (const { tensor, weight } of holders(group, need)) {
        await sink.write({ role, tensor, need: need.id }, statsOfLayer(weight.name).get(need));
      }
    }
  }
}

type Sharing = readonly [Target, ...Target[]];

/** The layers of a section that are pruned, those together that read the same. */
export function sharing({ program, linears }: Section): Sharing[] {
  return program.taps.flatMap((tap) => {
    const [first, ...others] = linears.filter(({ weight }) => tap.linears.some((linear) => linear.weight === weight.name));
    return first ? [[first, ...others]] : [];
  });
}

/** The layers of those that read the same under which a statistic stands. */
function holders(group: Sharing, { of }: Need): readonly Target[] {
  return of === "input" ? [group[0]] : group;
}

/** What a statistics file of these sections and roles holds. */
export function layoutOf(sections: readonly Section[], needs: readonly Need[], data: readonly RoleData[]): Layout {
  const shapesOf = createSumShapes();
  return orderRoles(data).flatMap(({ role }) =>
    sections.flatMap((section) =>
      sharing(section).flatMap((group) =>
        needs.flatMap((need) =>
          holders(group, need).map(({ tensor, weight }) => ({
            entry: { role, tensor, need: need.id },
            shapes: shapesOf(section.program, weight.name, need),
          })),
        ),
      ),
    ),
  );
}
