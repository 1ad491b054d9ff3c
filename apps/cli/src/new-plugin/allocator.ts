import { flagUsage, type Template } from "./template.ts";

/** An allocator: the asked ratio, shifted by depth. */
export const allocator: Template = {
  prefix: "allocator",
  does: "Prunes later blocks more than earlier ones, or less, and the asked ratio of all.",
  dependencies: [],
  usage: flagUsage("--allocate", "--allocate-option", "slope=0.2"),
  files: (name) => ({ "src/index.ts": source(name), "test/index.test.ts": test() }),
};

function source(name: string): string {
  return `import { type AllocateLayer, type AllocatorPlugin, defineAllocator, numberFromText } from "@secateur/kit";
import { z } from "zod";

/** Options of the allocator \`${name}\`. */
export interface Options {
  readonly slope: number;
}

// Options come from a command line as text. A default stands twice, so that the JSON Schemas of what comes in and of what comes out both show it.
const options = z.strictObject({
  slope: z
    .preprocess(numberFromText, z.number().min(-1).max(1))
    .prefault(0.1)
    .default(0.1)
    .meta({ description: "by how much the ratio of the last block is above that of the first" }),
});

const plugin: AllocatorPlugin<Options> = defineAllocator({
  name: "${name}",
  summary: "the asked ratio, shifted by the depth of the block",
  options,
  create: ({ slope }) => ({
    needs: [], // an allocator that measures blocks says here what of
    allocate: (layers, ratio) => ratiosByDepth(layers, ratio, slope),
  }),
});

export default plugin;

/** Ratios that rise by \`slope\` from the first block to the last, less where one of them would leave 0 to 1; \`ratio\` of all weights is pruned. */
export function ratiosByDepth(layers: readonly AllocateLayer[], ratio: number, slope: number): number[] {
  const last = Math.max(1, ...layers.map(({ block }) => block));
  const sizes = layers.map(({ shape: [rows, cols] }) => rows * cols);
  const whole = sizes.reduce((sum, size) => sum + size, 0);
  // Depths less their mean over all weights, so that the shifts cancel.
  const mean = layers.reduce((sum, { block }, i) => sum + (block / last) * (sizes[i] as number), 0) / whole;
  const shifts = layers.map(({ block }) => slope * (block / last - mean));
  const room = shifts.map((shift) => (shift > 0 ? (1 - ratio) / shift : shift < 0 ? ratio / -shift : 1));
  const part = Math.min(1, ...room);
  return shifts.map((shift) => Math.min(1, Math.max(0, ratio + part * shift)));
}
`;
}

function test(): string {
  return `import { describeAllocator } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import plugin from "../src/index.ts";

describeAllocator({ describe, it }, plugin);
describeAllocator({ describe, it }, plugin, { options: () => ({ slope: -1 }) });
`;
}
