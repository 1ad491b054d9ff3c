import { addHistograms, jaccard, type ScoreHistogram } from "@secateur/fusion";
import type { LayerReport } from "@secateur/pipeline";

/** The layers of a model by the number of their block and by their kind, which is what stands behind the number in their names. */
export interface Grid {
  /** In order; undefined for layers that no block holds, which come last. */
  readonly blocks: readonly (number | undefined)[];
  /** In the order of the model. */
  readonly kinds: readonly string[];
  /** A kind's name without what is the same in all of one name. */
  labelOf(kind: string): string;
  /** The layers of a kind in a block: several where experts share it. */
  at(block: number | undefined, kind: string): readonly LayerReport[];
  of(kind: string): readonly LayerReport[];
}

/** Puts layers into a grid, by their tensors' names. */
export function gridOf(layers: readonly LayerReport[]): Grid {
  const cells = new Map<string, LayerReport[]>();
  const kinds = new Map<string, LayerReport[]>();
  const blocks = new Set<number | undefined>();
  for (const layer of layers) {
    const { block, kind } = placeOf(layer.tensor);
    blocks.add(block);
    put(cells, `${block} ${kind}`, layer);
    put(kinds, kind, layer);
  }
  const names = shortNames([...kinds.keys()]);
  return {
    blocks: [...blocks].sort((a, b) => (a ?? Number.POSITIVE_INFINITY) - (b ?? Number.POSITIVE_INFINITY)),
    kinds: [...kinds.keys()],
    labelOf: (kind) => names.get(kind) ?? kind,
    at: (block, kind) => cells.get(`${block} ${kind}`) ?? [],
    of: (kind) => kinds.get(kind) ?? [],
  };
}

/** `model.layers.3.mlp.experts.5.w1.weight` is of block 3 and of the kind `mlp.experts.*.w1`. */
function placeOf(tensor: string): { readonly block: number | undefined; readonly kind: string } {
  const parts = tensor.replace(/\.weight$/, "").split(".");
  const at = parts.findIndex((part) => /^\d{1,6}$/.test(part));
  const kind = parts
    .slice(at + 1)
    .map((part) => (/^\d+$/.test(part) ? "*" : part))
    .join(".");
  return at < 0 || kind === "" ? { block: undefined, kind: parts.join(".") } : { block: Number(parts[at]), kind };
}

/** Each name's last parts, as many as all of them need to differ. */
function shortNames(names: readonly string[]): ReadonlyMap<string, string> {
  const longest = Math.max(1, ...names.map((name) => name.split(".").length));
  for (let count = 1; count < longest; count++) {
    const short = names.map((name) => name.split(".").slice(-count).join("."));
    if (new Set(short).size === names.length) return new Map(names.map((name, i) => [name, short[i] as string]));
  }
  return new Map(names.map((name) => [name, name]));
}

function put<Value>(into: Map<string, Value[]>, key: string, value: Value): void {
  const list = into.get(key);
  if (list) list.push(value);
  else into.set(key, [value]);
}

/** The share of zeros of some layers together; nothing where there are none. */
export function sparsity(layers: readonly LayerReport[]): number | undefined {
  return ratio(
    sum(layers, ({ zeros }) => zeros),
    sum(layers, ({ shape }) => shape[0] * shape[1]),
  );
}

/** The share of input channels that all roles own, of some layers together. */
export function sharedChannels(layers: readonly LayerReport[]): number | undefined {
  const parted = layers.filter(({ channels }) => channels);
  return ratio(
    sum(parted, ({ channels }) => channels?.shared ?? 0),
    sum(parted, ({ shape }) => shape[1]),
  );
}

/** The share of input channels that not all roles own, but this one does, of some layers together. */
export function exclusiveChannels(layers: readonly LayerReport[], role: string): number | undefined {
  const parted = layers.filter(({ channels }) => channels);
  return ratio(
    sum(parted, ({ channels }) => (channels && Object.hasOwn(channels.exclusive, role) ? (channels.exclusive[role] as number) : 0)),
    sum(parted, ({ shape }) => shape[1]),
  );
}

/** How far two roles' scores would keep the same weights of some layers together, by Jaccard's index. */
export function overlap(layers: readonly LayerReport[], [one, other]: readonly [string, string]): number | undefined {
  const found = layers.flatMap(({ roles }) => roles?.overlap.filter((pair) => pair.roles[0] === one && pair.roles[1] === other) ?? []);
  if (found.length === 0) return undefined;
  return jaccard({ both: sum(found, ({ both }) => both), either: sum(found, ({ either }) => either) });
}

/** A role's scores in some layers together. */
export function histogram(layers: readonly LayerReport[], role: string): ScoreHistogram {
  return addHistograms(
    layers.flatMap(({ roles }) => (roles && Object.hasOwn(roles.histograms, role) ? [roles.histograms[role] as ScoreHistogram] : [])),
  );
}

function ratio(part: number, whole: number): number | undefined {
  return whole === 0 ? undefined : part / whole;
}

function sum<Item>(items: readonly Item[], of: (item: Item) => number): number {
  return items.reduce((total, item) => total + of(item), 0);
}
