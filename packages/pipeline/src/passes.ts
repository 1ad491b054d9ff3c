import { cutAtTaps, type Program } from "@secateur/graph";
import { HIDDEN } from "@secateur/models";
import type { Part } from "@secateur/runner";
import type { Recipe } from "./recipe.ts";
import type { Section, Target } from "./targets.ts";

/** A part of a section that ends where some of its layers read: their statistics are taken there, and then they are pruned. */
export interface Step {
  readonly part: Part;
  readonly targets: readonly Target[];
  /** Whether the hidden states move on through the part, rather than being read for statistics alone. */
  readonly advance: boolean;
}

/** How a run sends its data through a section. */
export interface Passes {
  readonly steps: readonly Step[];
  /** What a step, or the rest, counts of a pass through the section, for progress. */
  readonly share: number;
  /** What the data passes once all layers of the section are pruned, to stand before the next one. */
  readonly rest?: Program;
}

/**
 * The passes of each section. In mode `none` one pass takes statistics and moves on; in `block` statistics are taken first and the data moves on through the
 * pruned section; in `linear` the section is parted where its layers read, and each part is passed once. Nothing moves on past the last section.
 */
export function passesOf(sections: readonly Section[], propagate: NonNullable<Recipe["propagate"]>): Passes[] {
  return sections.map((section, index) => {
    const moves = index < sections.length - 1;
    const { program, linears: targets } = section;
    if (targets.length === 0 && !moves) return { steps: [], share: 1 };
    if (propagate === "none") return { steps: [{ part: section, targets, advance: moves }], share: 1 };
    if (targets.length === 0) return { steps: [], share: 1, rest: program };
    if (propagate === "block") return { steps: [{ part: section, targets, advance: false }], share: 1, ...(moves && { rest: program }) };
    const { steps, rest } = partsOf(section);
    const share = 1 / (steps.length + 1);
    if (moves) return { steps, share, rest };
    const last = steps.at(-1) as Step; // there are targets, so there is a cut
    return { steps: [...steps.slice(0, -1), { ...last, advance: false }], share };
  });
}

/** The steps of each section where statistics come from a file and no data passes: one for each input that layers read, so that little is held at a time. */
export function readingPasses(sections: readonly Section[]): Passes[] {
  return sections.map((section) => {
    const pruned = new Map(section.linears.map((target) => [target.weight.name, target]));
    const steps = section.program.taps.flatMap(({ linears }): Step[] => {
      const targets = linears.flatMap(({ weight }) => pruned.get(weight) ?? []);
      return targets.length > 0 ? [{ part: section, targets, advance: false }] : [];
    });
    return { steps, share: 0 };
  });
}

function partsOf({ program, prefix, linears }: Section): { steps: Step[]; rest: Program } {
  const pruned = new Map(linears.map((target) => [target.weight.name, target]));
  const taps = program.taps.flatMap((tap, i) => (tap.linears.some(({ weight }) => pruned.has(weight)) ? [i] : []));
  const { cuts, rest } = cutAtTaps(program, taps, [HIDDEN]);
  const steps = cuts.map(({ program: before, carried }): Step => {
    const names = before.taps.flatMap((tap) => tap.linears.map(({ weight }) => weight));
    return { part: { program: before, prefix, carried }, targets: names.flatMap((name) => pruned.get(name) ?? []), advance: true };
  });
  return { steps, rest };
}

/** The layers of a step, by the names of its program. */
export function layersOf({ targets }: Step): ReadonlySet<string> {
  return new Set(targets.map(({ weight }) => weight.name));
}
