import { allocate, bytesOf, type DType, sizeOf, type Tensor, tensor as tensorOf } from "@secateur/tensor";
import { type ErrorCode, SecateurError } from "../errors.ts";
import type { Format, OpenModel, WeightSink } from "../format.ts";
import { demand } from "./plugin-laws.ts";
import type { TestApi } from "./test-api.ts";

/** What `describeFormat` needs: the format, and a place for its files. */
export interface DescribeFormatOptions {
  readonly format: Format;
  /** Makes a small model of this format and gives its path: at least two tensors of different dtype or shape, one of them with two rows or more. */
  makeModel(): Promise<string>;
  /** The path of a folder that does not exist, in a folder that does; a new one each time. */
  makeTarget(): Promise<string>;
}

/**
 * The laws of a format, as tests: what is read is what the headers say, whole or by rows, once or at once; a copy has the names, order, shapes,
 * dtypes, bits and other files of its source, also when it was written in two runs; and mistakes are refused with the right code.
 */
export function describeFormat(t: TestApi, name: string, options: DescribeFormatOptions): void {
  const { format } = options;

  async function withModel(use: (model: OpenModel) => Promise<void>): Promise<void> {
    const model = await format.open(await options.makeModel());
    try {
      await use(model);
    } finally {
      await model.close();
    }
  }

  async function copy(model: OpenModel, target: string, names: Iterable<string> = model.tensors.keys()): Promise<void> {
    const sink = await format.create(target, model);
    let turn = 0;
    for (const tensor of names) await (turn++ % 2 === 0 ? sink.copy(tensor) : sink.write(tensor, await model.read(tensor)));
    await sink.close();
  }

  t.describe(`format ${name}`, () => {
    t.it("knows its own models, and nothing that does not exist", async () => {
      const path = await options.makeModel();
      demand(await format.probe(path), `probe says no to ${path}`);
      const absent = await options.makeTarget();
      demand(!(await format.probe(absent)), `probe says yes to ${absent}, which does not exist`);
      await refuses("open of a path that does not exist", "not-found", () => format.open(absent));
    });

    t.it("gives every tensor as its header describes it", () =>
      withModel(async (model) => {
        demand(model.tensors.size >= 2, `the model has ${model.tensors.size} tensors, wanted at least 2`);
        for (const [key, info] of model.tensors) {
          demand(info.name === key, `tensors has ${JSON.stringify(info.name)} under ${JSON.stringify(key)}`);
          demandSame(await model.read(key), info, `read(${JSON.stringify(key)})`);
        }
      }),
    );

    t.it("reads at once what it reads one by one, each time into new memory", () =>
      withModel(async (model) => {
        const names = [...model.tensors.keys()];
        const single: Tensor[] = [];
        for (const tensor of names) single.push(await model.read(tensor));
        const atOnce = await Promise.all(names.map((tensor) => model.read(tensor)));
        for (const [i, tensor] of names.entries()) demandEqual(atOnce[i] as Tensor, single[i] as Tensor, tensor);
        for (const tensor of single) bytesOf(tensor).fill(0xa5);
        for (const [i, tensor] of names.entries()) demandEqual(await model.read(tensor), atOnce[i] as Tensor, tensor);
      }),
    );

    t.it("reads rows in any order, repeated, all and none", () =>
      withModel(async (model) => {
        for (const [tensor, { shape }] of model.tensors) {
          const [count] = shape;
          if (count === undefined) continue;
          const whole = await model.read(tensor);
          const all = Array.from({ length: count }, (_, row) => row);
          const mixed = count === 0 ? [] : [count - 1, 0, Math.floor(count / 2), 0];
          for (const rows of [all, all.toReversed(), mixed, []]) {
            const law = `readRows(${JSON.stringify(tensor)}, [${rows.join(", ")}])`;
            demandEqual(await model.readRows(tensor, rows.values()), takeRows(whole, rows), law);
          }
          await refuses(`row ${count} of ${count}`, "input", () => model.readRows(tensor, [count]));
        }
      }),
    );

    t.it("has a hash, the same for a copy, another one for other weights", () =>
      withModel(async (model) => {
        const hash = await model.hash();
        demand(/^sha256:[0-9a-f]{64}$/.test(hash), `the hash is ${JSON.stringify(hash)}, wanted sha256: and 64 hex digits`);
        demand((await model.hash()) === hash, "the hash is another one the second time");
        const same = await options.makeTarget();
        await copy(model, same);
        await reopen(format, same, async (again) => {
          demand((await again.hash()) === hash, `a copy of ${hash} hashes to ${await again.hash()}`);
        });
        const other = await options.makeTarget();
        const sink = await format.create(other, model);
        for (const tensor of model.tensors.keys()) await sink.write(tensor, zeros(await model.read(tensor)));
        await sink.close();
        await reopen(format, other, async (again) =>
          demand((await again.hash()) !== hash, "a copy with all weights zero has the same hash"),
        );
      }),
    );

    t.it("writes a copy with the same names, order, shapes, dtypes, bits and other files, in whatever order tensors come", () =>
      withModel(async (model) => {
        const target = await options.makeTarget();
        await copy(model, target, [...model.tensors.keys()].reverse());
        await reopen(format, target, (again) => demandCopy(again, model));
      }),
    );

    t.it("goes on where an interrupted run has stopped, and reads back what it has written", () =>
      withModel(async (model) => {
        const names = [...model.tensors.keys()];
        const half = names.filter((_, i) => i % 2 === 1);
        const target = await options.makeTarget();
        const first = await format.create(target, model);
        for (const tensor of half) await first.write(tensor, await model.read(tensor));
        await first.flush();
        const second = await format.create(target, model, { resume: new Set(half) });
        for (const tensor of half) demandEqual(await second.readBack(tensor), await model.read(tensor), `readBack of ${tensor}`);
        for (const tensor of names.filter((other) => !half.includes(other))) await second.write(tensor, await model.read(tensor));
        await second.close();
        await reopen(format, target, (again) => demandCopy(again, model));
      }),
    );

    t.it("refuses to write over a model", () =>
      withModel(async (model) => {
        const target = await options.makeTarget();
        await copy(model, target);
        await refuses("create where a model is", "exists", () => format.create(target, model));
      }),
    );

    t.it("refuses tensors of another dtype, shape or name, a second write, and an end before the last", () =>
      withModel(async (model) => {
        const sink = await format.create(await options.makeTarget(), model);
        const [tensor] = [...model.tensors.keys()] as [string]; // a model has tensors
        await refusesWrites(sink, tensor, await model.read(tensor));
      }),
    );

    t.it("refuses unknown names, and everything after close", () =>
      withModel(async (model) => {
        const [known] = [...model.tensors.keys()] as [string]; // a model has tensors
        await refuses("read of an unknown name", "not-found", () => model.read("no.such.tensor"));
        await model.close();
        await refuses("read after close", "io", () => model.read(known));
        await refuses("readRows after close", "io", () => model.readRows(known, [0]));
        await refuses("hash after close", "io", () => model.hash());
      }),
    );
  });
}

async function refusesWrites(sink: WeightSink, name: string, tensor: Tensor): Promise<void> {
  const dtype: DType = tensor.dtype === "F32" ? "I32" : "F32";
  await refuses("write of another dtype", "internal", () => sink.write(name, tensorOf(dtype, tensor.shape)));
  await refuses("write of another shape", "internal", () => sink.write(name, { ...tensor, shape: [...tensor.shape, 1] }));
  await refuses("write of an unknown name", "internal", () => sink.write("no.such.tensor", tensor));
  await refuses("copy of an unknown name", "internal", () => sink.copy("no.such.tensor"));
  await refuses("readBack before the write", "internal", () => sink.readBack(name));
  await sink.write(name, tensor);
  await refuses("a second write", "internal", () => sink.write(name, tensor));
  await refuses("a copy after the write", "internal", () => sink.copy(name));
  await refuses("close before the last tensor", "internal", () => sink.close());
}

async function reopen(format: Format, path: string, use: (model: OpenModel) => Promise<void>): Promise<void> {
  const model = await format.open(path);
  try {
    await use(model);
  } finally {
    await model.close();
  }
}

async function demandCopy(copy: OpenModel, source: OpenModel): Promise<void> {
  const [names, wanted] = [[...copy.tensors.keys()], [...source.tensors.keys()]];
  demand(names.join("\n") === wanted.join("\n"), `the copy's tensors are ${names.join(", ")}; wanted, in this order, ${wanted.join(", ")}`);
  for (const [name, info] of source.tensors) {
    const file = copy.tensors.get(name)?.file;
    demand(file === info.file, `the copy has ${name} in ${file}, wanted ${info.file}`);
    demandEqual(await copy.read(name), await source.read(name), `the copy of ${name}`);
  }
  const [files, others] = [copy.files, source.files].map((list) => list.map((file) => file.name).join(", "));
  demand(files === others, `the copy's other files are ${files}, wanted ${others}`);
  demand(JSON.stringify(copy.config) === JSON.stringify(source.config), "the copy's config is another one");
}

function demandSame(tensor: Tensor, info: { readonly dtype: DType; readonly shape: readonly number[] }, law: string): void {
  const [found, wanted] = [tensor, info].map(({ dtype, shape }) => `${dtype} [${shape.join(", ")}]`);
  demand(found === wanted, `${law} is ${found}, wanted ${wanted}`);
  const elements = sizeOf(info.shape);
  demand(tensor.data.length === elements, `${law} has ${tensor.data.length} elements, wanted ${elements}`);
}

/** Compares bits, so that NaN and -0 count. */
function demandEqual(tensor: Tensor, wanted: Tensor, law: string): void {
  demandSame(tensor, wanted, law);
  const [found, bytes] = [bytesOf(tensor), bytesOf(wanted)];
  const at = found.findIndex((byte, i) => byte !== bytes[i]);
  demand(at < 0, `${law}: byte ${at} of ${bytes.length} is ${found[at]}, wanted ${bytes[at]}`);
}

function takeRows(tensor: Tensor, rows: readonly number[]): Tensor {
  const rest = tensor.shape.slice(1);
  const out = tensorOf(tensor.dtype, [rows.length, ...rest], allocate(tensor.dtype, rows.length * sizeOf(rest)));
  const size = sizeOf(rest) * tensor.data.BYTES_PER_ELEMENT;
  for (const [i, row] of rows.entries()) bytesOf(out).set(bytesOf(tensor).subarray(row * size, (row + 1) * size), i * size);
  return out;
}

function zeros(tensor: Tensor): Tensor {
  bytesOf(tensor).fill(0);
  return tensor;
}

async function refuses(what: string, code: ErrorCode, run: () => Promise<unknown>): Promise<void> {
  let error: unknown;
  try {
    await run();
  } catch (caught) {
    error = caught;
  }
  demand(error !== undefined, `${what} is not refused, wanted SecateurError ${code}`);
  demand(error instanceof SecateurError && error.code === code, `${what} throws ${error}, wanted SecateurError ${code}`);
}
