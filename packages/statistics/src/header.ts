import { type BackendDescription, GENERAL, type OpenTensorFile, type Role, SecateurError } from "@secateur/kit";
import { z } from "zod";

const count = z.int().min(0);

const shard = z.object({
  hash: z.string(),
  sources: z.array(z.string()),
  sequences: count,
  tokens: count,
  rows: count,
  empty: count,
  duplicates: count,
  truncated: count,
  specialTokens: count,
  endToken: z.object({ id: count, text: z.string() }).optional(),
  reading: z.object({ promptWeight: z.number(), template: z.string().optional(), fields: z.record(z.string(), z.string()).optional() }),
  sampling: z.object({ samples: count, seqLen: count, pack: z.boolean().optional(), shuffle: z.boolean(), seed: z.number() }).optional(),
});

const header = z.object({
  version: z.literal(1),
  secateur: z.string(),
  model: z.object({ hash: z.string(), modelType: z.string() }),
  tokenizer: z.string().optional(),
  backend: z.object({
    engine: z.string(),
    version: z.string(),
    provider: z.string().optional(),
    device: z.string(),
    precision: z.string(),
  }),
  needs: z.array(z.string()).min(1),
  roles: z.array(z.object({ role: z.string(), shards: z.array(shard).min(1) })).min(1),
  layers: z.record(z.string(), z.string()),
});

/** Data that went into a role's statistics in one run. */
export interface Shard {
  /** Of the tokens and their weights. */
  readonly hash: string;
  readonly sources: readonly string[];
  readonly sequences: number;
  readonly tokens: number;
  readonly rows: number;
  readonly empty: number;
  readonly duplicates: number;
  readonly truncated: number;
  readonly specialTokens: number;
  readonly endToken?: { readonly id: number; readonly text: string } | undefined;
  /** How rows became weighed tokens; shards of one role agree in it. */
  readonly reading: {
    readonly promptWeight: number;
    readonly template?: string | undefined;
    readonly fields?: Readonly<Record<string, string>> | undefined;
  };
  /** How sequences were taken from the rows; shards of one role may differ in it. */
  readonly sampling?:
    | {
        readonly samples: number;
        readonly seqLen: number;
        readonly pack?: boolean | undefined;
        readonly shuffle: boolean;
        readonly seed: number;
      }
    | undefined;
}

/** What a statistics file says of itself. */
export interface StatisticsHeader {
  /** Of the file's form. */
  readonly version: 1;
  /** The program that wrote it. */
  readonly secateur: string;
  readonly model: { readonly hash: string; readonly modelType: string };
  /** A hash of the tokenizer with its chat template; absent where rows of token ids needed none. */
  readonly tokenizer?: string | undefined;
  /** What computed the file's first shard; merged files agree in the precision. */
  readonly backend: BackendDescription;
  /** The ids of the statistics. */
  readonly needs: readonly string[];
  /** `general` first, the others by name; each with its shards by hash. */
  readonly roles: readonly { readonly role: Role; readonly shards: readonly Shard[] }[];
  /** A layer's tensor → the tensor under whose name the statistics of its input stand: layers that read the same share them. */
  readonly layers: Readonly<Record<string, string>>;
}

const KEY = "secateur-statistics";

/** The header as a file's metadata. */
export function headerText(value: StatisticsHeader): Readonly<Record<string, string>> {
  return { [KEY]: JSON.stringify(value) };
}

/** The header of an open file. Throws SecateurError `format` for a file without one, or one of another form. */
export function readHeader({ path, metadata }: OpenTensorFile): StatisticsHeader {
  const refuse = (why: string, cause?: unknown): never => {
    throw new SecateurError("format", `${path} is no file of statistics: ${why}`, { where: { file: path }, cause });
  };
  const text = metadata[KEY];
  if (text === undefined) return refuse(`its metadata has no ${KEY}; a model's weights are given as the model`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return refuse(`its header is not JSON: ${(cause as Error).message}`, cause);
  }
  const { version } = (value ?? {}) as { version?: unknown };
  if (typeof version === "number" && version > 1) {
    throw new SecateurError("unsupported", `${path} has the form ${version} of statistics, this program reads form 1: use a newer one`, {
      where: { file: path },
    });
  }
  const result = header.safeParse(value);
  if (!result.success) {
    const [issue] = result.error.issues;
    return refuse(`its header has at ${issue?.path.join(".") || "the top"}: ${issue?.message}`);
  }
  const fault = headerFault(result.data);
  return fault === undefined ? result.data : refuse(`its header has ${fault}`);
}

/** What of a header contradicts itself; nothing when nothing does. */
export function headerFault({ roles, needs, layers }: StatisticsHeader): string | undefined {
  const lists: [what: string, items: readonly string[]][] = [
    ["the role", roles.map(({ role }) => role)],
    ["the statistic", needs],
    ...roles.map(({ role, shards }): [string, string[]] => [`in role ${role} the shard`, shards.map(({ hash }) => hash)]),
  ];
  for (const [what, items] of lists) {
    const twice = items.find((item, i) => items.indexOf(item) < i);
    if (twice !== undefined) return `${what} ${twice} twice`;
  }
  const stray = Object.entries(layers).find(([, shared]) => !Object.hasOwn(layers, shared) || layers[shared] !== shared);
  return stray && `the layer ${stray[0]} share the statistics of ${stray[1]}, which has none of its own`;
}

/** Roles in a file's order: `general` first, the others by name. */
export function orderRoles<Item extends { readonly role: Role }>(roles: readonly Item[]): Item[] {
  return [...roles].sort((a, b) => Number(b.role === GENERAL) - Number(a.role === GENERAL) || (a.role < b.role ? -1 : 1));
}
