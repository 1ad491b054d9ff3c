import { type Axes, type Program, resolveShape, separateSums, valueNamed } from "@secateur/graph";
import { toOnnx } from "@secateur/onnx";
import type { OnnxRuntime, Session, Tensor } from "@secateur/onnxruntime-plugin";
import type { Placement } from "./placement.ts";

/** A program that is ready to run, on tensors by name. */
export interface Compiled {
  /** Writes the outputs, all of which are given. */
  run(inputs: Readonly<Record<string, Tensor>>, outputs: Readonly<Record<string, Tensor>>, axes: Axes): Promise<void>;
  release(): void;
}

/** Where a program runs, and where what must be in single precision. */
export interface Places {
  readonly placement: Placement;
  readonly exact: Placement;
  readonly threads: number;
  /** Refuses a program of which the place's provider cannot take every operator. */
  readonly wholeOnDevice?: boolean;
}

/** Compiles a program for a place. Where products are less exact, its sums over tokens run on `exact`, from the values at the taps. */
export async function compileOn(ort: OnnxRuntime, program: Program, places: Places): Promise<Compiled> {
  const { placement, exact, ...options } = places;
  const parts = placement.precision === "f32" ? undefined : separateSums(program);
  if (!parts) return compileWhole(ort, program, placement, options);
  const values = await compileWhole(ort, parts.values, placement, options);
  let sums: Compiled;
  try {
    sums = await compileWhole(ort, parts.sums, exact, { threads: options.threads });
  } catch (error) {
    values.release();
    throw error;
  }
  const scratch = createScratch(ort, parts.values, Object.keys(parts.between));
  return {
    async run(inputs, outputs, axes) {
      const between = scratch.take(axes);
      try {
        await values.run(inputs, { ...outputs, ...between }, axes);
        const read = Object.entries(parts.between).map(([output, input]) => [input, between[output] as Tensor] as const); // scratch has each
        await sums.run({ ...inputs, ...Object.fromEntries(read) }, outputs, axes);
      } finally {
        scratch.put(axes, between);
      }
    },
    release() {
      values.release();
      sums.release();
      scratch.release();
    },
  };
}

// A program may call an input and an output alike, an ONNX graph may not.
const OUTPUT = "out:";

async function compileWhole(
  ort: OnnxRuntime,
  program: Program,
  placement: Placement,
  { threads, wholeOnDevice }: Pick<Places, "threads" | "wholeOnDevice">,
): Promise<Compiled> {
  const names = Object.keys(program.outputs);
  const renamed = { ...program, outputs: Object.fromEntries(names.map((name) => [OUTPUT + name, program.outputs[name] as string])) };
  const { device, providerOptions } = placement;
  const session: Session = await ort.createSession(toOnnx(renamed, { fused: () => placement.fused }), {
    threads,
    ...(device && { device, providerOptions, wholeOnDevice: wholeOnDevice === true }),
    // A thread that spins while it waits for more work keeps a core from everything else: the caller's own work between runs, other sessions, a provider's threads.
    config: { "session.intra_op.allow_spinning": "0" },
  });
  return {
    async run(inputs, outputs) {
      const given = session.inputs.map(({ name }) => [name, inputs[name] as Tensor] as const);
      const wanted = names.map((name) => [OUTPUT + name, outputs[name] as Tensor] as const);
      await session.run(Object.fromEntries(given), Object.fromEntries(wanted));
    },
    release: () => session.release(),
  };
}

/** Tensors for some outputs of a program, used again by the next run of the same sizes. */
function createScratch(ort: OnnxRuntime, program: Program, names: readonly string[]) {
  let spare: { readonly key: string; readonly tensors: Readonly<Record<string, Tensor>> } | undefined;
  const drop = (): void => {
    for (const tensor of Object.values(spare?.tensors ?? {})) tensor.release();
    spare = undefined;
  };
  return {
    take(axes: Axes): Readonly<Record<string, Tensor>> {
      if (spare?.key === JSON.stringify(axes)) {
        const { tensors } = spare;
        spare = undefined;
        return tensors;
      }
      return Object.fromEntries(
        names.map((name) => {
          const shape = resolveShape(valueNamed(program, program.outputs[name] as string).shape, axes);
          return [name, ort.tensor("float32", new Float32Array(shape.reduce((size, dim) => size * dim, 1)), shape)];
        }),
      );
    },
    put(axes: Axes, tensors: Readonly<Record<string, Tensor>>): void {
      drop();
      spare = { key: JSON.stringify(axes), tensors };
    },
    release: drop,
  };
}
