import { createHash } from "node:crypto";
import { copyFile, mkdir, open, readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Format, type OpenModel, SecateurError, type TensorInfo, type WeightSink } from "@secateur/kit";
import { ioError } from "@secateur/kit/node";
import { byteSize, bytesOf, isDType, type Tensor, tensor } from "@secateur/tensor";

const HEADER = "model.json"; // { config, tensors: [{ name, dtype, shape }] }; tensor i lies in the file i.bin

const pieces: Format = {
  name: "pieces",
  summary: "a folder with a header and one file a tensor",
  probe: async (source) => isFile(join(source, HEADER)),

  async open(source) {
    const header = await readHeader(source);
    const tensors = new Map(header.tensors.map((info) => [info.name, info]));
    const names = (await readdir(source)).filter((name) => name !== HEADER && !header.tensors.some(({ file }) => file === name)).sort();
    const files = await Promise.all(names.map(async (name) => ({ name, bytes: (await stat(join(source, name))).size })));
    let closed = false;
    const find = (name: string): TensorInfo => {
      if (closed) throw new SecateurError("io", `${source} has been closed`, { where: { file: source } });
      return tensors.get(name) ?? fail("not-found", source, name, "it has no such tensor");
    };
    const read = async (name: string): Promise<Tensor> => readPiece(source, find(name));
    const model: OpenModel = {
      source,
      format: "pieces",
      config: header.config,
      generationConfig: undefined,
      tokenizer: undefined,
      tensors,
      files,
      read,
      async readRows(name, rows) {
        const whole = await read(name);
        const [count = 0, ...rest] = whole.shape;
        const chosen = [...rows];
        const bad = chosen.find((row) => !(Number.isInteger(row) && row >= 0 && row < count));
        if (bad !== undefined) fail("input", source, name, `it has ${count} rows, row ${bad} was asked for`);
        const out = tensor(whole.dtype, [chosen.length, ...rest]);
        const size = byteSize({ dtype: whole.dtype, shape: rest });
        for (const [i, row] of chosen.entries()) bytesOf(out).set(bytesOf(whole).subarray(row * size, (row + 1) * size), i * size);
        return out;
      },
      async hash() {
        const hash = createHash("sha256").update(JSON.stringify(header.config));
        for (const name of [...tensors.keys()].sort()) {
          const { dtype, shape } = find(name);
          hash.update(JSON.stringify([name, dtype, shape])).update(bytesOf(await read(name)));
        }
        return `sha256:${hash.digest("hex")}`;
      },
      close: async () => {
        closed = true;
      },
    };
    return model;
  },

  async create(target, source, { resume } = {}) {
    if (resume === undefined && (await isFile(join(target, HEADER))))
      throw new SecateurError("exists", `${target}: there is a model already`, { where: { file: target } });
    const infos = new Map(
      [...source.tensors.values()].map(({ name, dtype, shape }, i) => [name, { name, dtype, shape, file: `${i}.bin` }]),
    );
    const written = new Set(resume);
    const find = (name: string): TensorInfo => infos.get(name) ?? fail("internal", target, name, "it is none of the source's");
    await mkdir(target, { recursive: true });
    for (const { name } of source.files) await copyFile(join(source.source, name), join(target, name));
    const tensors = [...infos.values()].map(({ name, dtype, shape }) => ({ name, dtype, shape }));
    await writeSynced(join(target, HEADER), JSON.stringify({ config: source.config, tensors }));
    const sink: WeightSink = {
      async write(name, { dtype, shape, ...rest }) {
        const info = find(name);
        const [found, wanted] = [`${dtype} [${shape}]`, `${info.dtype} [${info.shape}]`];
        if (found !== wanted) fail("internal", target, name, `it came as ${found}, wanted ${wanted}`);
        if (written.has(name)) fail("internal", target, name, "it was written before");
        await writeSynced(join(target, info.file), bytesOf({ dtype, shape, ...rest }));
        written.add(name);
      },
      copy: async (name) => sink.write(name, await source.read(find(name).name)),
      async readBack(name) {
        if (!written.has(name)) fail("internal", target, name, "it is not written yet");
        return readPiece(target, find(name));
      },
      flush: async () => {}, // every file is on disk when its write returns
      async close() {
        for (const name of infos.keys()) if (!written.has(name)) fail("internal", target, name, "it was never written");
      },
    };
    return sink;
  },
};

export default pieces;

/** The header, every part of it checked before anything is allocated by what it says. */
async function readHeader(source: string): Promise<{ readonly config: OpenModel["config"]; readonly tensors: readonly TensorInfo[] }> {
  const path = join(source, HEADER);
  if (!(await isFile(path))) throw new SecateurError("not-found", `${source}: there is no ${HEADER}`, { where: { file: path } });
  const wrong = (what: string, cause?: unknown): never => {
    throw new SecateurError("format", `${path}: ${what}`, { where: { file: path }, cause });
  };
  const text = await readFile(path, "utf8");
  let header: { config?: unknown; tensors?: unknown } = {};
  try {
    header = Object(JSON.parse(text));
  } catch (cause) {
    wrong("it is not JSON", cause);
  }
  if (typeof header.config !== "object" || !Array.isArray(header.tensors)) return wrong("it wants a config and a list of tensors");
  const infos = header.tensors.map((entry: unknown, i): TensorInfo => {
    const { name, dtype, shape } = Object(entry) as { name?: unknown; dtype?: unknown; shape?: unknown };
    const whole = Array.isArray(shape) && shape.every((dim) => Number.isSafeInteger(dim) && dim >= 0);
    if (typeof name !== "string" || typeof dtype !== "string" || !isDType(dtype) || !whole)
      return wrong(`tensor ${i} wants a name, a dtype and a shape, found ${JSON.stringify(entry)}`);
    return { name, dtype, shape, file: `${i}.bin` };
  });
  if (new Set(infos.map(({ name }) => name)).size < infos.length) wrong("two tensors have one name");
  for (const info of infos) {
    const bytes = (await stat(join(source, info.file)).catch((error) => Promise.reject(ioError(error, "read", source, info.name)))).size;
    if (bytes !== byteSize(info)) fail("format", source, info.name, `${info.file} has ${bytes} bytes, wanted ${byteSize(info)}`);
  }
  return { config: header.config as OpenModel["config"], tensors: infos };
}

async function readPiece(folder: string, { name, dtype, shape, file }: TensorInfo): Promise<Tensor> {
  const bytes = await readFile(join(folder, file)).catch((error) => Promise.reject(ioError(error, "read", folder, name)));
  if (bytes.length !== byteSize({ dtype, shape })) fail("io", folder, name, `${file} has changed`);
  const out = tensor(dtype, shape);
  bytesOf(out).set(bytes);
  return out;
}

async function writeSynced(path: string, data: string | Uint8Array): Promise<void> {
  try {
    const handle = await open(path, "w");
    await handle
      .writeFile(data)
      .then(() => handle.sync())
      .finally(() => handle.close());
  } catch (error) {
    throw ioError(error, "write", path);
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (stats) => stats.isFile(),
    () => false,
  );
}

function fail(code: "not-found" | "format" | "input" | "internal" | "io", file: string, name: string, what: string): never {
  throw new SecateurError(code, `${file}, tensor ${JSON.stringify(name)}: ${what}`, { where: { file, tensor: name } });
}
