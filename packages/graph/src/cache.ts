import { programBuilder } from "./builder.ts";
import { type Dim, GraphError, resolveDim } from "./dims.ts";
import { type Op, type Program, type Value, valueNamed } from "./program.ts";

/** The output of a program with a cache: the keys of its tokens, (batch, tokens, kvHeads·d). */
export const KEYS = "keys";
/** The values beside `KEYS`, of the same shape. */
export const VALUES = "values";
/** The input of a program that continues sequences: keys of earlier tokens, (batch, kvHeads, slots, d). */
export const PAST_KEYS = "pastKeys";
/** The values beside `PAST_KEYS`, of the same shape. */
export const PAST_VALUES = "pastValues";
/** The input beside them: which slots each token sees, (batch, tokens, slots), BOOL. */
export const SEEN = "seen";

/** A block's program in two that give what attention reads of their tokens, so that later tokens need not compute it again. */
export interface CachedProgram {
  /** For tokens that nothing stands before: the block's program with two outputs more, `KEYS` and `VALUES`. */
  readonly first: Program;
  /** For tokens that continue others: it reads those from `PAST_KEYS`, `PAST_VALUES` and `SEEN`, and has the angles of its rotary positions (batch, tokens, d/2). */
  readonly next: Program;
  readonly kvHeads: number;
  /** The numbers a head has of a key. */
  readonly headDim: number;
}

/** Derives them from the program of a block. Throws a GraphError `unknown-op` unless it has one attention. */
export function cachedProgram(program: Program): CachedProgram {
  const [attention, ...others] = program.ops.filter(({ kind }) => kind === "attention");
  if (!attention || others.length > 0)
    throw new GraphError("unknown-op", `a block with one attention can be cached, this program has ${others.length + (attention ? 1 : 0)}`);
  const [, keys, values] = attention.inputs as readonly [string, string, string];
  const kvHeads = attention.attributes.kvHeads as number;
  const headDim = resolveDim(valueNamed(program, keys).shape[2] as Dim, program.axes) / kvHeads;
  return {
    first: { ...program, outputs: { ...program.outputs, [KEYS]: keys, [VALUES]: values } },
    next: continuing(program, attention, [kvHeads, headDim]),
    kvHeads,
    headDim,
  };
}

function continuing(program: Program, attention: Op, [kvHeads, headDim]: readonly [number, number]): Program {
  const b = programBuilder(program.axes);
  const angles = new Set(program.ops.flatMap(({ kind, inputs }) => (kind === "rope" ? inputs.slice(1) : [])));
  const renamed = new Map<string, Value>();
  const now = (name: string): Value => renamed.get(name) as Value; // ops stand after what they read
  for (const { name, shape, type } of program.inputs)
    renamed.set(name, b.input(name, angles.has(name) ? ["batch", ...shape] : shape, type));
  for (const { name, axes } of program.weights) renamed.set(name, b.weight(name, axes));
  const past = [PAST_KEYS, PAST_VALUES].map((name) => b.input(name, ["batch", kvHeads, "slots", headDim]));
  past.push(b.input(SEEN, ["batch", "tokens", "slots"], "BOOL"));
  for (const op of program.ops) {
    const inputs = op.inputs.map(now);
    renamed.set(
      op.output,
      op === attention ? b.op("cachedAttention", [...inputs, ...past], op.attributes) : b.op(op.kind, inputs, op.attributes),
    );
  }
  const outputs = { ...program.outputs, [KEYS]: attention.inputs[1] as string, [VALUES]: attention.inputs[2] as string };
  return b.build(Object.fromEntries(Object.entries(outputs).map(([name, value]) => [name, now(value)])));
}
