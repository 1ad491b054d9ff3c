import { costOf, keepOutputs } from "@secateur/graph";
import { backwardProgram, headBackward, tapProgram } from "@secateur/runner";
import { type Layout, layoutSize } from "@secateur/statistics";
import { needsByPass } from "./dense-pass.ts";
import { costOfPasses, type Estimate, type EstimateInput, estimate, peakOf, sumBytes } from "./estimate.ts";
import { passesOf } from "./passes.ts";

/** Estimates what collecting statistics of the dense model costs, and the file of them. */
export function estimateDense(input: Omit<EstimateInput, "passes">, layout: Layout): Estimate {
  const { sections, needs, data } = input;
  const { forward, backward } = needsByPass(needs);
  const passes = passesOf(sections, "none");
  const there = forward.length > 0 ? estimate({ ...input, needs: forward, passes }) : undefined;
  const parts = [
    ...(there ? [there] : []),
    ...(backward.length > 0 ? data.map((role) => estimateBackward({ ...input, needs: backward, data: [role] })) : []),
  ];
  return {
    flops: parts.reduce((sum, { flops }) => sum + flops, 0),
    work: parts.reduce((sum, { work }) => sum + work, 0),
    memoryBytes: Math.max(...parts.map(({ memoryBytes }) => memoryBytes)),
    scratchBytes: Math.max(...parts.map(({ scratchBytes }) => scratchBytes)),
    diskBytes: 8 * layoutSize(layout),
  };
}

/** One role's way to the loss and back: what each block reads is kept on the way there. */
function estimateBackward({
  description,
  sections,
  needs,
  data,
  preferredTokens,
  memoryBytes,
}: Omit<EstimateInput, "passes">): Omit<Estimate, "diskBytes"> {
  const { blocks } = description;
  const first = sections.findIndex(({ linears }) => linears.length > 0);
  const backs = blocks.flatMap(({ program }, i) => {
    const linears = new Set(sections[i]?.linears.map(({ weight }) => weight.name));
    return i < first ? [] : [tapProgram(backwardProgram(program, i === 0), linears, needs)];
  });
  const { flops, tokens, activations } = costOfPasses([...blocks.map(({ program }) => program), ...backs], data, preferredTokens);
  const ofHead = costOfPasses([keepOutputs(headBackward({ description }), () => true)], data, preferredTokens);
  const states = 4 * description.hidden * tokens * (blocks.length + 1);
  const sums = backs.map((program) => sumBytes(program).all);
  const weightBytes = Math.max(...sections.map(({ program }) => costOf(program, { batch: 1, tokens: 1 }).weightBytes));
  return {
    flops: flops + ofHead.flops,
    work: tokens * (blocks.length + 1 + 2 * (blocks.length - first)),
    memoryBytes: peakOf({ states: Math.min(states, memoryBytes), sums: Math.max(...sums), activations, weightBytes }),
    scratchBytes: Math.max(0, states - memoryBytes),
  };
}
