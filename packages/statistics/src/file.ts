import {
  type Need,
  type OpenTensorFile,
  type Role,
  type RoleStats,
  SecateurError,
  type TensorEntry,
  type TensorFiles,
} from "@secateur/kit";
import { sizeOf, tensor } from "@secateur/tensor";
import { headerText, readHeader, type StatisticsHeader } from "./header.ts";

/** A statistic's sums by name, each in double precision. */
export type Sums = Readonly<Record<string, Float64Array>>;

/** One statistic of one layer, or of the layers that read the same. */
export interface Entry {
  readonly role: Role;
  /** The layer's tensor; for a statistic of inputs, the one that the layers share it under (`StatisticsHeader.layers`). */
  readonly tensor: string;
  /** The statistic's id. */
  readonly need: string;
}

/** A statistics file that is being written. */
export interface StatisticsSink {
  write(entry: Entry, sums: Sums): Promise<void>;
  /** Ends the file, which takes its name. Throws SecateurError `internal` when something is missing. */
  close(): Promise<void>;
  discard(): Promise<void>;
}

/** What a file will hold: each entry's sums with their shapes. */
export type Layout = readonly { readonly entry: Entry; readonly shapes: Readonly<Record<string, readonly number[]>> }[];

/** Lays out a statistics file. Throws SecateurError `exists` unless `force`, or `io`. */
export async function createStatistics(
  files: TensorFiles,
  path: string,
  header: StatisticsHeader,
  layout: Layout,
  options: { readonly force?: boolean } = {},
): Promise<StatisticsSink> {
  const tensors = new Map<string, TensorEntry>();
  const shapes = new Map<string, readonly number[]>();
  for (const { entry, shapes: of } of layout) {
    for (const [sum, shape] of Object.entries(of)) {
      tensors.set(nameOf(entry, sum), { dtype: "F64", shape });
      shapes.set(nameOf(entry, sum), shape);
    }
  }
  const sink = await files.create(path, tensors, headerText(header), options);
  return {
    async write(entry, sums) {
      for (const [sum, values] of Object.entries(sums)) {
        const name = nameOf(entry, sum);
        await sink.write(name, tensor("F64", shapes.get(name) ?? [values.length], values));
      }
    },
    close: () => sink.close(),
    discard: () => sink.discard(),
  };
}

/** A statistics file that is open for reading. */
export interface OpenStatistics {
  readonly path: string;
  readonly header: StatisticsHeader;
  /** Every entry, with the names of its sums and their sizes. */
  readonly layout: Layout;
  /** Throws SecateurError `input` unless these layers, roles and statistics are there. */
  check(tensors: readonly string[], roles: readonly Role[], needs: readonly Need[]): void;
  /**
   * A role's statistics of one layer. Layers that share them get the same object, one after another. Throws SecateurError `input` for a layer, role or statistic
   * that was not collected, `numeric` for sums that are not finite.
   */
  load(tensor: string, role: Role, needs: readonly Need[]): Promise<RoleStats>;
  /** The sums of an entry. */
  read(entry: Entry): Promise<Sums>;
  close(): Promise<void>;
}

/** Opens a statistics file and checks its header. Throws SecateurError `not-found`, `format`, `unsupported` or `io`. */
export async function openStatistics(files: TensorFiles, path: string): Promise<OpenStatistics> {
  const file = await files.open(path);
  try {
    const header = readHeader(file);
    const layout = layoutOf(file);
    const entries = new Map(layout.map(({ entry, shapes }) => [keyOf(entry), Object.keys(shapes)]));
    checkEntries(path, header, entries);
    let last: { readonly of: string; readonly stats: RoleStats } | undefined;

    async function read(entry: Entry): Promise<Sums> {
      const sums = entries.get(keyOf(entry)) ?? [];
      const values: Record<string, Float64Array> = {};
      for (const sum of sums) values[sum] = (await file.read(nameOf(entry, sum))).data as Float64Array; // F64, as layoutOf has checked
      checkSums(path, entry, values);
      return values;
    }

    function check(tensors: readonly string[], roles: readonly Role[], needs: readonly Need[]): void {
      const known = header.roles.map(({ role }) => role);
      const layer = tensors.find((name) => header.layers[name] === undefined);
      if (layer !== undefined) throw missing(path, `the layer ${layer} is not in it`, layer);
      const role = roles.find((name) => !known.includes(name));
      if (role !== undefined) throw missing(path, `the role ${role} is not in it; its roles are ${known.join(", ")}`);
      const need = needs.find(({ id }) => !header.needs.includes(id));
      if (need) throw missing(path, lacking(need, header));
    }

    return {
      path,
      header,
      layout,
      read,
      check,
      async load(layer, role, needs) {
        check([layer], [role], needs);
        const shared = header.layers[layer] as string; // it has just been checked
        const own = needs.some(({ of }) => of === "output");
        const of = JSON.stringify([own ? layer : shared, role, needs.map(({ id }) => id)]);
        if (last?.of === of) return last.stats;
        const sums = new Map<string, Sums>();
        for (const need of needs) sums.set(need.id, await read({ role, tensor: need.of === "input" ? shared : layer, need: need.id }));
        const stats: RoleStats = {
          get(need) {
            const found = sums.get(need.id);
            if (found) return found;
            throw new SecateurError("unsupported", `the statistic ${need.id} was not loaded`);
          },
        };
        last = { of, stats };
        return stats;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function lacking({ id }: Need, header: StatisticsHeader): string {
  const how = id === "gram" ? ": calibrate again with --gram" : "";
  return `the statistic ${id} was not collected, only ${header.needs.join(" and ")}${how}`;
}

function missing(path: string, what: string, tensor?: string): SecateurError {
  return new SecateurError("input", `${path}: ${what}`, { where: { file: path, ...(tensor !== undefined && { tensor }) } });
}

function keyOf({ role, tensor: layer, need }: Entry): string {
  return `${role}/${layer}/${need}`;
}

function nameOf(entry: Entry, sum: string): string {
  return `${keyOf(entry)}/${sum}`;
}

function layoutOf({ path, tensors }: OpenTensorFile): Layout {
  const entries = new Map<string, { entry: Entry; shapes: Record<string, readonly number[]> }>();
  for (const [name, { dtype, shape }] of tensors) {
    const [role, layer, need, sum, ...rest] = name.split("/");
    if (dtype !== "F64" || role === undefined || layer === undefined || need === undefined || sum === undefined || rest.length > 0) {
      throw new SecateurError("format", `${path}: ${name} is ${dtype}, wanted ROLE/LAYER/STATISTIC/SUM as F64`, {
        where: { file: path, tensor: name },
      });
    }
    const entry = { role, tensor: layer, need };
    const known = entries.get(keyOf(entry)) ?? { entry, shapes: {} };
    known.shapes[sum] = shape;
    entries.set(keyOf(entry), known);
  }
  return [...entries.values()];
}

/** Throws SecateurError `format` unless every layer has every statistic of every role, of its input or of its own. */
function checkEntries(path: string, { roles, needs, layers }: StatisticsHeader, entries: ReadonlyMap<string, readonly string[]>): void {
  for (const { role } of roles) {
    for (const [layer, shared] of Object.entries(layers)) {
      for (const need of needs) {
        if (entries.has(keyOf({ role, tensor: shared, need })) || entries.has(keyOf({ role, tensor: layer, need }))) continue;
        const where = { file: path, tensor: layer };
        throw new SecateurError("format", `${path}: the statistic ${need} of role ${role} at ${layer} is missing`, { where });
      }
    }
  }
}

function checkSums(path: string, entry: Entry, sums: Sums): void {
  for (const [sum, values] of Object.entries(sums)) {
    const bad = values.findIndex((value) => !Number.isFinite(value) || (sum === "weight" && value < 0));
    if (bad < 0) continue;
    const wanted = sum === "weight" ? "a finite number from 0 on" : "a finite number";
    const message = `${path}: ${nameOf(entry, sum)} holds ${values[bad]} at entry ${bad}, wanted ${wanted}`;
    throw new SecateurError("numeric", message, { where: { file: path, tensor: entry.tensor } });
  }
}

/** The numbers that a layout's file holds. */
export function layoutSize(layout: Layout): number {
  return layout.reduce((sum, { shapes }) => sum + Object.values(shapes).reduce((size, shape) => size + sizeOf(shape), 0), 0);
}
