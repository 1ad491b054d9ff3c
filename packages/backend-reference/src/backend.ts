import { expandProgram, type Program, resolveShape, valueNamed } from "@secateur/graph";
import { type Backend, type BackendPlugin, bindInputs, type DeviceTensor, defineBackend, type Executable } from "@secateur/kit";
import { tensor } from "@secateur/tensor";
import { z } from "zod";
import { FUSED_KERNELS } from "./fused.ts";
import { type Kernel, multiply, numbersOf, PRIMITIVE_KERNELS, transposed } from "./primitives.ts";
import { type Host, refuse } from "./shapes.ts";

/** How programs run. */
export interface ReferenceOptions {
  /** Run every fused op as the primitives that it expands into, instead of its own kernel. Default false. */
  readonly expand?: boolean;
}

/** The reference backend as a plugin; it has no options. */
export const reference: BackendPlugin<Record<string, never>> = defineBackend({
  name: "reference",
  summary: "Every op in plain TypeScript, sums in double precision: slow, and what other backends are held to.",
  options: z.strictObject({}),
  create: async () => createReferenceBackend(),
});

export default reference;

/** A backend in plain TypeScript: values are single precision in host memory, sums are kept in double precision. It is strict: an input that the program does not have is refused. */
export function createReferenceBackend(options: ReferenceOptions = {}): Backend {
  const kernels: Readonly<Record<string, Kernel>> = options.expand ? PRIMITIVE_KERNELS : { ...PRIMITIVE_KERNELS, ...FUSED_KERNELS };
  const hosts = new Map<DeviceTensor, Host>();
  const programs = new Map<Executable, Program>();
  let disposed = false;

  function open(): void {
    if (disposed) refuse("the reference backend was disposed");
  }
  function hold(host: Host): DeviceTensor {
    const handle = Object.freeze({ shape: host.shape, dtype: host.dtype });
    hosts.set(handle, host);
    return handle;
  }
  function hostOf(handle: DeviceTensor, what: string): Host {
    return hosts.get(handle) ?? refuse(`${what} of shape [${handle.shape.join(", ")}] was released or is of another backend`);
  }

  return {
    name: "reference",
    // exp and log are the JavaScript engine's own: its version is what results may depend on.
    description: { engine: "reference", version: process.version, device: "cpu", precision: "f32" },
    threads: 1,
    preferredTokens: 512,
    upload({ dtype, shape, data }) {
      open();
      return hold({ dtype, shape: [...shape], data: data.slice() });
    },
    async download(handle) {
      open();
      const { dtype, shape, data } = hostOf(handle, "the tensor to download");
      return tensor(dtype, shape, data.slice());
    },
    release(handle) {
      hosts.delete(handle);
    },
    async compile(program) {
      open();
      const executable: Executable = {
        program,
        release: async () => {
          programs.delete(executable);
        },
      };
      programs.set(executable, options.expand ? expandProgram(program, () => false) : program);
      return executable;
    },
    async run(executable, inputs, into = {}) {
      open();
      const program = programs.get(executable) ?? refuse("the executable was released or is of another backend");
      const given: Record<string, Host> = {};
      for (const [name, handle] of Object.entries(inputs)) given[name] = hostOf(handle, `the input ${name}`);
      const outputs = interpret(program, given, kernels);
      const targets = Object.entries(into).map(([name, handle]) => {
        const output = outputs[name] ?? refuse(`the program has no output ${name} to write, only ${Object.keys(outputs).join(", ")}`);
        const target = hostOf(handle, `the tensor for the output ${name}`);
        if (target.dtype !== output.dtype || target.shape.join() !== output.shape.join()) {
          const found = `${target.dtype} of shape [${target.shape.join(", ")}]`;
          refuse(`the tensor for the output ${name} is ${found}, the output is ${output.dtype} of shape [${output.shape.join(", ")}]`);
        }
        return { target, output };
      });
      for (const { target, output } of targets) target.data.set(output.data);
      return Object.fromEntries(Object.entries(outputs).map(([name, host]) => [name, into[name] ?? hold(host)]));
    },
    async matmul(a, b, { transposeA = false, transposeB = false, into } = {}) {
      open();
      const [left, right] = [matrix(hostOf(a, "a"), "a", transposeA), matrix(hostOf(b, "b"), "b", transposeB)];
      if (left.cols !== right.rows) refuse(`a (${left.rows}, ${left.cols}) · b (${right.rows}, ${right.cols}): the inner sizes differ`);
      const out = new Float32Array(left.rows * right.cols); // (a's rows, b's columns)
      multiply(left.data, 0, right.data, 0, out, 0, left.rows, left.cols, right.cols);
      if (!into) return hold({ dtype: "F32", shape: [left.rows, right.cols], data: out });
      const target = hostOf(into, "into");
      if (String(target.shape) !== String([left.rows, right.cols]))
        refuse(`the product has shape [${left.rows}, ${right.cols}], the tensor to write it in [${target.shape.join(", ")}]`);
      target.data.set(out);
      return into;
    },
    async dispose() {
      disposed = true;
      hosts.clear();
      programs.clear();
    },
  };
}

/** The outputs of a program. A value is dropped after the last op that reads it. */
function interpret(
  program: Program,
  given: Readonly<Record<string, Host>>,
  kernels: Readonly<Record<string, Kernel>>,
): Record<string, Host> {
  const axes = bindInputs(program, given);
  const values = new Map(Object.entries(given));
  const known = (name: string): Host => values.get(name) ?? refuse(`the program reads ${name} before it is written`);
  const kept = new Set(Object.values(program.outputs));
  const lastRead = new Map(program.ops.flatMap((op, i) => op.inputs.map((name) => [name, i] as const)));
  program.ops.forEach((op, i) => {
    const kernel = kernels[op.kind] ?? refuse(`the reference backend has no op ${op.kind}`);
    const { type, shape } = valueNamed(program, op.output);
    const sizes = resolveShape(shape, axes);
    values.set(op.output, { dtype: type, shape: sizes, data: kernel(op.inputs.map(known), sizes, op.attributes) });
    for (const name of op.inputs) if (lastRead.get(name) === i && !kept.has(name)) values.delete(name);
  });
  return Object.fromEntries(
    Object.entries(program.outputs).map(([name, value]) => {
      // An output may be an input, or a second name of an output: each is a tensor of its own.
      const host = known(value);
      return [name, { ...host, data: host.data.slice() }];
    }),
  );
}

function matrix(host: Host, name: string, transpose: boolean): { data: Float32Array; rows: number; cols: number } {
  const [rows, cols] = host.shape;
  if (host.dtype !== "F32" || rows === undefined || cols === undefined || host.shape.length !== 2) {
    return refuse(`${name} is ${host.dtype} of shape [${host.shape.join(", ")}], wanted an F32 matrix`);
  }
  return transpose ? { data: transposed(numbersOf(host), rows, cols), rows: cols, cols: rows } : { data: numbersOf(host), rows, cols };
}
