import type { Backend, Need, Role, RoleStats } from "@secateur/kit";
import { type BlockStats, collect, createEngine, embed, forward, type LoadedWeights, loadWeights, type Stream } from "@secateur/runner";
import type { Tensor } from "@secateur/tensor";
import type { Emit, Phase } from "./events.ts";
import type { Plan } from "./plan.ts";
import type { Section } from "./targets.ts";

/** Every role's hidden states on their way through the sections of a plan. */
export interface Walk {
  /** The weights of a section, each read by its tensor's name. */
  load(section: Section, read: (tensor: string) => Promise<Tensor>): Promise<LoadedWeights>;
  /** Each role's statistics of a section on its present hidden states, which move on to its end when `advance` says so. */
  collect(index: number, weights: LoadedWeights, advance: boolean): Promise<ReadonlyMap<Role, BlockStats>>;
  /** Moves every role's hidden states to the end of a section with these weights. */
  propagate(index: number, weights: LoadedWeights): Promise<void>;
  /** Counts passes of all data as done that an earlier run did. */
  skip(passes: number): void;
  release(): Promise<void>;
}

/** Starts a walk before the first section: looks up the embeddings of every role's data. */
export async function startWalk(plan: Plan, backend: Backend, emit: Emit, signal: AbortSignal | undefined): Promise<Walk> {
  const engine = createEngine(plan.model, plan.description, backend);
  const streams = new Map<Role, Stream>();
  for (const { role, sequences } of plan.roles)
    streams.set(role, await embed(plan.model, plan.description, sequences, plan.preferredTokens));
  const passTokens = [...streams.values()]
    .flatMap(({ batches }) => batches)
    .reduce((sum, { members, tokens }) => sum + members.length * tokens, 0);
  let done = 0;

  function following(phase: Phase, block: number, role: Role): { onBatch: (tokens: number) => void; signal?: AbortSignal } {
    const onBatch = (tokens: number): void => {
      done += tokens;
      emit({ type: "progress", phase, block, blocks: plan.sections.length, role, done, total: plan.summary.work });
    };
    return signal ? { onBatch, signal } : { onBatch };
  }
  const section = (index: number): Section => plan.sections[index] as Section; // the caller walks the plan's sections

  return {
    load: ({ program, prefix }, read) => loadWeights(engine, program, prefix, read),
    async collect(index, weights, advance) {
      const linears = new Set(section(index).linears.map(({ weight }) => weight.name));
      const needs: readonly Need[] = plan.needs;
      const stats = new Map<Role, BlockStats>();
      for (const [role, stream] of streams) {
        stats.set(
          role,
          await collect(engine, section(index), weights, stream, { needs, linears, advance, ...following("calibrate", index, role) }),
        );
      }
      return stats;
    },
    async propagate(index, weights) {
      for (const [role, stream] of streams)
        await forward(engine, section(index).program, weights, stream, following("propagate", index, role));
    },
    skip(passes) {
      done += passes * passTokens;
    },
    release: () => engine.release(),
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
