import { type Need, type Role, type RoleStats, SecateurError, type TensorEntry, type TensorFiles } from "@secateur/kit";
import { firstNotFinite } from "@secateur/tensor";
import { headerFault, headerText, readHeader, type StatisticsHeader } from "./header.ts";
import { type Entry, keyOf, type Layout, layoutFault, nameOf, readLayout, type SumShapes } from "./layout.ts";

/** A statistic's sums by name, each in double precision. */
export type Sums = Readonly<Record<string, Float64Array>>;

/** A statistics file that is being written. */
export interface StatisticsSink {
  /** Writes an entry, each once and in any order. Throws SecateurError `numeric` for sums that are not finite, `internal` for what was not laid out, `io`. */
  write(entry: Entry, sums: Sums): Promise<void>;
  /** Ends the file, which takes its name. Throws SecateurError `internal` when something is missing. */
  close(): Promise<void>;
  /** Gives the file up: nothing of it stays. */
  discard(): Promise<void>;
}

/** Lays out a statistics file. Throws SecateurError `internal` for a header or a layout that could not be read again, `exists` unless `force`, or `io`. */
export async function createStatistics(
  files: TensorFiles,
  path: string,
  header: StatisticsHeader,
  layout: Layout,
  options: { readonly force?: boolean } = {},
): Promise<StatisticsSink> {
  const fault = headerFault(header) ?? layoutFault(layout, header)?.what;
  if (fault !== undefined) throw new SecateurError("internal", `${path} would have ${fault}`, { where: { file: path } });
  const tensors = new Map<string, TensorEntry>();
  for (const { entry, shapes } of layout) {
    for (const [sum, shape] of Object.entries(shapes)) tensors.set(nameOf(entry, sum), { dtype: "F64", shape });
  }
  const sink = await files.create(path, tensors, headerText(header), options);
  return {
    async write(entry, sums) {
      checkSums(path, entry, sums);
      for (const [sum, data] of Object.entries(sums)) {
        const name = nameOf(entry, sum);
        await sink.write(name, { dtype: "F64", shape: tensors.get(name)?.shape ?? [data.length], data });
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
  /**
   * Throws SecateurError `input` unless these layers, roles and statistics are there; `format` unless their sums are as `shapesOf` wants them of a layer, which only
   * who knows the model can say.
   */
  check(
    tensors: readonly string[],
    roles: readonly Role[],
    needs: readonly Need[],
    shapesOf?: (tensor: string, need: Need) => SumShapes,
  ): void;
  /**
   * A role's statistics of one layer. Layers that share them get the same object, one after another. Throws SecateurError `input` for a layer, role or statistic
   * that was not collected, `numeric` for sums that are not finite.
   */
  load(tensor: string, role: Role, needs: readonly Need[]): Promise<RoleStats>;
  /** The sums of an entry. Throws SecateurError `format` when there are none. */
  read(entry: Entry): Promise<Sums>;
  /** Closes the file, after which it cannot be read. */
  close(): Promise<void>;
}

/** Opens a statistics file and checks its header. Throws SecateurError `not-found`, `format`, `unsupported` or `io`. */
export async function openStatistics(files: TensorFiles, path: string): Promise<OpenStatistics> {
  const file = await files.open(path);
  try {
    const header = readHeader(file);
    const layout = readLayout(file);
    const fault = layoutFault(layout, header);
    if (fault) throw wrong(path, `it has ${fault.what}`, fault.tensor);
    const entries = new Map(layout.map(({ entry, shapes }) => [keyOf(entry), shapes]));
    let last: { readonly of: string; readonly stats: RoleStats } | undefined;

    function shapesAt(entry: Entry): SumShapes {
      const shapes = entries.get(keyOf(entry));
      if (shapes) return shapes;
      throw wrong(path, `it has no statistic ${entry.need} of role ${entry.role} at ${entry.tensor}`, entry.tensor);
    }

    async function read(entry: Entry): Promise<Sums> {
      const sums = Object.keys(shapesAt(entry)).map(async (sum) => {
        const { data } = await file.read(nameOf(entry, sum));
        return [sum, data as Float64Array] as const; // F64, as readLayout has checked
      });
      const values = Object.fromEntries(await Promise.all(sums));
      checkSums(path, entry, values);
      return values;
    }

    /** Where a statistic of a layer stands; both are known to be there. */
    function entryOf(layer: string, role: Role, need: Need): Entry {
      return { role, tensor: need.of === "input" ? (header.layers[layer] as string) : layer, need: need.id };
    }

    function checkNamed(tensors: readonly string[], roles: readonly Role[], needs: readonly Need[]): void {
      const layer = tensors.find((name) => !Object.hasOwn(header.layers, name));
      if (layer !== undefined) throw missing(path, `the layer ${layer} is not in it`, layer);
      const known = header.roles.map(({ role }) => role);
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
      check(tensors, roles, needs, shapesOf) {
        checkNamed(tensors, roles, needs);
        for (const layer of tensors) {
          for (const need of needs) {
            const wanted = shapesOf?.(layer, need);
            for (const role of roles) {
              const entry = entryOf(layer, role, need);
              const found = shapesAt(entry);
              if (wanted) checkShapes(path, entry, found, wanted);
            }
          }
        }
      },
      async load(layer, role, needs) {
        checkNamed([layer], [role], needs);
        const places = needs.map((need) => entryOf(layer, role, need));
        const of = JSON.stringify(places.map(keyOf));
        if (last?.of === of) return last.stats;
        const sums = new Map<string, Sums>();
        for (const entry of places) sums.set(entry.need, await read(entry));
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

// The flags of `calibrate` that collect what it else leaves out.
const FLAGS: Readonly<Record<string, string>> = {
  gram: "--gram",
  outputGradient: "--gradients",
  fisher: "--fisher",
  regionalGradient: "--regional",
};

function lacking({ id }: Need, header: StatisticsHeader): string {
  const flag = FLAGS[id];
  const how = flag === undefined ? "" : `: calibrate again with ${flag}`;
  return `the statistic ${id} was not collected, only ${header.needs.join(" and ")}${how}`;
}

function missing(path: string, what: string, tensor?: string): SecateurError {
  return new SecateurError("input", `${path}: ${what}`, { where: { file: path, ...(tensor !== undefined && { tensor }) } });
}

function wrong(path: string, what: string, tensor: string): SecateurError {
  return new SecateurError("format", `${path}: ${what}`, { where: { file: path, tensor } });
}

function checkShapes(path: string, entry: Entry, found: SumShapes, wanted: SumShapes): void {
  for (const name of new Set([...Object.keys(wanted), ...Object.keys(found)])) {
    const [is, should] = [found, wanted].map((shapes) => (Object.hasOwn(shapes, name) ? `[${shapes[name]?.join(", ")}]` : "none"));
    if (is !== should) throw wrong(path, `${nameOf(entry, name)} has the shape ${is}, wanted ${should}`, entry.tensor);
  }
}

function checkSums(path: string, entry: Entry, sums: Sums): void {
  for (const [sum, values] of Object.entries(sums)) {
    const bad = sum === "weight" ? firstNotWeight(values) : firstNotFinite(values);
    if (bad < 0) continue;
    const wanted = sum === "weight" ? "a finite number from 0 on" : "a finite number";
    const message = `${path}: ${nameOf(entry, sum)} holds ${values[bad]} at entry ${bad}, wanted ${wanted}`;
    throw new SecateurError("numeric", message, { where: { file: path, tensor: entry.tensor } });
  }
}

function firstNotWeight(values: Float64Array): number {
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!(value >= 0 && value < Number.POSITIVE_INFINITY)) return i;
  }
  return -1;
}
