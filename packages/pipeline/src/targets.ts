import type { Program, Weight } from "@secateur/graph";
import { SecateurError } from "@secateur/kit";
import type { ModelDescription } from "@secateur/models";
import picomatch from "picomatch";

/** A part of the model that is walked as one: a decoder block, or the head when it is to be pruned. */
export interface Section {
  /** What messages call it: `block 3`, `head`. */
  readonly label: string;
  readonly prefix: string;
  readonly program: Program;
  /** The linear layers of it that are pruned, in the program's order. */
  readonly linears: readonly Target[];
}

/** A linear layer that is pruned. */
export interface Target {
  /** Its tensor's name in the model. */
  readonly tensor: string;
  readonly weight: Weight;
  /** (out, in) */
  readonly shape: readonly [number, number];
}

/**
 * The sections of a model with what is pruned in them: every linear layer of the blocks, or those whose tensor names match a glob of `include`,
 * less those that match one of `exclude`. In a glob `*` stands for any characters, dots too. Throws SecateurError `usage` for a glob that
 * matches nothing, for tensors that are no linear layers, and for a head that is the embedding. The last section is one in which something is pruned.
 */
export function selectTargets(description: ModelDescription, include: readonly string[], exclude: readonly string[]): Section[] {
  const head = { label: "head", prefix: "", program: description.head.logits };
  const blocks = description.blocks.map(({ prefix, program }, i) => ({ label: `block ${i}`, prefix, program }));
  const sections = [...blocks, ...(description.head.tied ? [] : [head])].map((section) => ({ ...section, linears: linearsOf(section) }));
  const layers = new Set(sections.flatMap(({ linears }) => linears.map(({ tensor }) => tensor)));

  const wanted = include.map((glob) => matching(glob, "include", description, layers));
  const unwanted = exclude.map((glob) => matching(glob, "exclude", description, layers));
  const chosen = ({ tensor }: Target, section: (typeof sections)[number]): boolean => {
    const included = include.length === 0 ? section.label !== "head" : wanted.some((names) => names.has(tensor));
    return included && !unwanted.some((names) => names.has(tensor));
  };
  const result = sections.map((section) => ({ ...section, linears: section.linears.filter((target) => chosen(target, section)) }));
  if (result.every(({ linears }) => linears.length === 0))
    throw new SecateurError("usage", "nothing is left to prune: exclude takes away all that include names");
  return result.slice(0, result.findLastIndex(({ linears }) => linears.length > 0) + 1);
}

// Where the head is tied there is no tensor of this name, but people name it.
const HEAD = "lm_head.weight";

function linearsOf({ prefix, program }: { readonly prefix: string; readonly program: Program }): Target[] {
  const weights = new Map(program.weights.map((weight) => [weight.name, weight]));
  return program.taps.flatMap((tap) =>
    tap.linears.map(({ weight: name }) => {
      const weight = weights.get(name) as Weight; // a tap names weights of its program
      return { tensor: prefix + name, weight, shape: weight.shape as readonly [number, number] }; // a linear's weight is a matrix of known size
    }),
  );
}

function matching(glob: string, flag: string, description: ModelDescription, layers: ReadonlySet<string>): Set<string> {
  const matches = picomatch(glob, { dot: true, bash: true });
  const { tied } = description.head;
  const names = [...description.tensors.keys(), ...(tied ? [HEAD] : [])].filter((name) => matches(name));
  if (names.length === 0) {
    throw new SecateurError("usage", `--${flag} "${glob}" matches no tensor of the model; tensors are called like ${[...layers][0]}`);
  }
  const linears = names.filter((name) => layers.has(name));
  if (flag === "include" && linears.length === 0) {
    const which = names.includes(HEAD) && tied ? HEAD : (names[0] as string);
    const why =
      tied && (which === HEAD || which === description.embedding.tensor)
        ? "the output head is tied to the embedding, and the embedding is not pruned"
        : "only linear layers are pruned";
    throw new SecateurError("usage", `--include "${glob}" names ${which}: ${why}`);
  }
  return new Set(linears);
}
