import type { Program } from "@secateur/graph";
import type { Backend, Need, Role, RoleStats } from "@secateur/kit";
import {
  type BlockStats,
  collect,
  createEngine,
  createStateStore,
  embed,
  forward,
  type LoadedWeights,
  loadWeights,
  type Stream,
} from "@secateur/runner";
import type { Tensor } from "@secateur/tensor";
import type { Emit, Phase } from "./events.ts";
import { layersOf, type Step } from "./passes.ts";
import type { Plan } from "./plan.ts";
import type { Section } from "./targets.ts";

/** What a walk needs of a plan. */
export type WalkPlan = Pick<Plan, "model" | "description" | "sections" | "data" | "preferredTokens" | "memoryBytes"> & {
  readonly summary: Pick<Plan["summary"], "work">;
};

/** Every role's hidden states on their way through the sections of a plan. */
export interface Walk {
  /** The weights of a section, each read by its tensor's name. */
  load(section: Section, read: (tensor: string) => Promise<Tensor>): Promise<LoadedWeights>;
  /** Each role's statistics of a step on its present hidden states, which move on through its part when the step says so. */
  collect(at: Place, step: Step, weights: LoadedWeights, needs: readonly Need[]): Promise<ReadonlyMap<Role, BlockStats>>;
  /** Moves every role's hidden states through the rest of a section. */
  propagate(at: Place, rest: Program, weights: LoadedWeights): Promise<void>;
  /** Counts a pass as done that an earlier run did. */
  skip(at: Place): void;
  release(): Promise<void>;
}

/** Where a walk is: the number of the section, and what one of its steps counts of a pass. */
interface Place {
  readonly index: number;
  readonly share: number;
}

/** How a walk reports, stops, and where it leaves memory. */
export interface WalkOptions {
  readonly emit: Emit;
  readonly signal: AbortSignal | undefined;
  /** Holds the hidden states that the plan's memory cannot. */
  readonly scratch: string;
  /** What the walk's collecting is called; `calibrate` when left out. */
  readonly phase?: Phase;
  /** The tokens that have passed the model before this walk. */
  readonly done?: number;
}

/** Starts a walk before the first section: looks up the embeddings of every role's data. */
export async function startWalk(
  plan: WalkPlan,
  backend: Backend,
  { emit, signal, scratch, phase = "calibrate", done: before = 0 }: WalkOptions,
): Promise<Walk> {
  const engine = createEngine(plan.model, plan.description, backend);
  const store = createStateStore({ memoryBytes: plan.memoryBytes, scratch });
  const streams = new Map<Role, Stream>();
  const release = async (): Promise<void> => {
    try {
      await store.close();
    } finally {
      await engine.release();
    }
  };
  try {
    for (const { role, sequences } of plan.data)
      streams.set(role, await embed(plan.model, plan.description, sequences, plan.preferredTokens, store));
  } catch (error) {
    await release();
    throw error;
  }
  const passTokens = [...streams.values()]
    .flatMap(({ batches }) => batches)
    .reduce((sum, { members, tokens }) => sum + members.length * tokens, 0);
  let done = before;

  function following(what: Phase, { index, share }: Place, role: Role): { onBatch: (tokens: number) => void; signal?: AbortSignal } {
    const onBatch = (tokens: number): void => {
      done += tokens * share;
      const [block, blocks, total] = [index, plan.sections.length, plan.summary.work];
      emit({ type: "progress", phase: what, block, blocks, role, done: Math.round(done), total });
    };
    return signal ? { onBatch, signal } : { onBatch };
  }

  return {
    load: ({ program, prefix }, read) => loadWeights(engine, program, prefix, read),
    async collect(at, step, weights, needs) {
      const options = { needs, linears: layersOf(step), advance: step.advance };
      const stats = new Map<Role, BlockStats>();
      for (const [role, stream] of streams) {
        stats.set(role, await collect(engine, step.part, weights, stream, { ...options, ...following(phase, at, role) }));
      }
      return stats;
    },
    async propagate(at, rest, weights) {
      for (const [role, stream] of streams) await forward(engine, rest, weights, stream, following("propagate", at, role));
    },
    skip({ share }) {
      done += share * passTokens;
    },
    release,
  };
}

/** Each role's statistics of one linear layer. */
export function statsOf(weight: string, stats: ReadonlyMap<Role, BlockStats>): Map<Role, RoleStats> {
  const own = new Map<Role, RoleStats>();
  for (const [role, block] of stats) {
    const found = block.get(weight);
    if (found) own.set(role, found);
  }
  return own;
}
