import { jaccard, scoreHistogram } from "@secateur/fusion";
import { type Comparison, type LayerReport, type Manifest, type PlannedRecipe, parseRecipe, type RecipeInput } from "@secateur/pipeline";
import { seededRandom } from "@secateur/tensor";

const KINDS: Readonly<Record<string, readonly [number, number]>> = {
  "self_attn.q_proj": [64, 64],
  "self_attn.o_proj": [64, 64],
  "mlp.up_proj": [160, 64],
  "mlp.down_proj": [64, 160],
};

/** How a manifest is to be. */
export interface ManifestInput {
  readonly blocks?: number;
  readonly roles?: readonly string[];
  readonly channels?: boolean;
  readonly scores?: boolean;
  readonly recipe?: Partial<RecipeInput>;
  /** A tensor's name, of its block and kind. */
  readonly nameOf?: (block: number, kind: string) => string;
  readonly notes?: Readonly<Record<string, number>>;
  readonly source?: string;
  readonly warnings?: readonly string[];
}

/** A manifest of a run that has not been, with numbers that could be. */
export function manifestOf({
  blocks = 3,
  roles = ["general", "math"],
  channels = true,
  scores = true,
  recipe = {},
  nameOf = (block, kind) => `model.layers.${block}.${kind}.weight`,
  notes,
  source = "models/tiny",
  warnings = [],
}: ManifestInput = {}): Manifest {
  const random = seededRandom(7);
  const tensors = Array.from({ length: blocks }, (_, block) =>
    Object.entries(KINDS).map(([kind, shape]): LayerReport => {
      const size = shape[0] * shape[1];
      const owned = roles.map((role) => [role, random.below(10)] as const);
      return {
        tensor: nameOf(block, kind),
        shape,
        zerosBefore: random.below(5),
        zeros: Math.floor(size * (0.3 + 0.4 * random.next())),
        ties: random.below(3),
        ...(channels && {
          channels: { shared: shape[1] - owned.reduce((sum, [, count]) => sum + count, 0), exclusive: Object.fromEntries(owned) },
        }),
        ...(scores && roles.length > 1 && { roles: scoresOf(roles, random) }),
        ...(notes && { notes }),
      };
    }),
  ).flat();
  const zeros = tensors.reduce((sum, layer) => sum + layer.zeros, 0);
  const of = tensors.reduce((sum, { shape }) => sum + shape[0] * shape[1], 0);
  const tasks = roles.filter((role) => role !== "general");
  return {
    secateur: "1.2.3",
    recipe: wholeRecipe({
      model: source,
      general: [{ source: "c4.jsonl" }],
      tasks: tasks.map((_, i) => ({ name: `task${i}`, source: `task${i}.jsonl` })),
      ...(recipe.pattern ? {} : { sparsity: 0.5 }),
      ...recipe,
    }),
    model: { source, modelType: "llama", hash: "sha256:00aa" },
    data: roles.map((role, i) => ({
      role,
      weight: 1 / roles.length,
      sources: [`${role}.jsonl`],
      sequences: 8 + i,
      tokens: 4096 + i,
      hash: `sha256:${i}`,
      rows: 100 + i,
      empty: i,
      duplicates: 2 + i,
      truncated: 3 + i,
      specialTokens: 0,
    })),
    backend: { engine: "reference", version: "1.0.0", device: "cpu", precision: "f32" },
    sparsity: { zeros, of, ratio: zeros / of },
    bytes: { dense: 4 * of, packed: 4 * (of - zeros) + of / 8 },
    roleScores: scores && roles.length > 1 ? { rows: 61 } : { absent: "the data of one role alone were read" },
    tensors,
    warnings,
  };
}

function scoresOf(roles: readonly string[], random: ReturnType<typeof seededRandom>): NonNullable<LayerReport["roles"]> {
  const overlap = roles.flatMap((one, i) =>
    roles.slice(i + 1).map((other) => {
      const counts = { both: 300 + random.below(100), either: 500 + random.below(100) };
      return { roles: [one, other] as const, ...counts, jaccard: jaccard(counts) };
    }),
  );
  const histograms = roles.map((role) => [role, scoreHistogram(Float32Array.from({ length: 400 }, () => random.next() ** 3))] as const);
  return { rows: 61, overlap, histograms: Object.fromEntries(histograms) };
}

/** A recipe as runs leave it, its keys in their order. */
function wholeRecipe(input: RecipeInput): PlannedRecipe {
  const recipe = parseRecipe(input);
  const chosen = { fusion: recipe.fusion ?? "shared-exclusive", propagate: recipe.propagate ?? "block" };
  return { ...parseRecipe({ ...recipe, ...chosen }), ...chosen };
}

/** How a comparison is to be. */
export interface ComparisonInput {
  readonly tasks?: readonly string[];
  readonly rules?: readonly string[];
  readonly source?: string;
  readonly warnings?: readonly string[];
  readonly protocol?: string;
  readonly recipe?: Partial<RecipeInput>;
}

/** A comparison that has not been, with numbers that could be. */
export function comparisonOf({
  tasks = ["math"],
  rules = ["shared-exclusive", "max"],
  source = "models/tiny",
  warnings = [],
  protocol = "token-ppl@64",
  recipe = {},
}: ComparisonInput = {}): Comparison {
  const random = seededRandom(3);
  const names = ["general", ...tasks];
  const metrics = () =>
    Object.fromEntries(
      names.map((name) => {
        const losses = Array.from({ length: 12 }, () => ({ loss: 40 + 10 * random.next(), tokens: 16 }));
        const nll = losses.reduce((sum, { loss }) => sum + loss, 0) / (12 * 16);
        const common = { nll, standardError: 0.02, losses, protocol: `${protocol} of ${name}` };
        return [
          name,
          name === "general"
            ? { metric: "perplexity" as const, perplexity: Math.exp(nll), predictedTokens: 192, windows: 12, windowTokens: 17, ...common }
            : {
                metric: "answers" as const,
                perplexity: Math.exp(nll),
                answerTokens: 192,
                documents: 12,
                exactMatch: { value: random.next(), standardError: 0.03 },
                decoded: 0,
                unended: 0,
                skipped: 0,
                ...common,
              },
        ];
      }),
    );
  const {
    fusion: _fusion,
    fusionOptions: _options,
    ...whole
  } = parseRecipe({
    model: source,
    general: [{ source: "c4.jsonl" }],
    tasks: tasks.map((_, i) => ({ name: `task${i}`, source: `task${i}.jsonl` })),
    sparsity: 0.5,
    seqLen: 64,
    ...recipe,
  });
  const layersOf = (name: string, kind: string): readonly LayerReport[] => {
    const { tensors } = manifestOf({ roles: names, scores: kind === "rule", channels: name === "shared-exclusive" });
    // To one role alone every channel is its own.
    const alone = (cols: number): NonNullable<LayerReport["channels"]> => ({ shared: cols, exclusive: { [name]: 0 } });
    return kind === "role" ? tensors.map((layer) => ({ ...layer, channels: alone(layer.shape[1]) })) : tensors;
  };
  const row = (name: string, kind: Comparison["rows"][number]["kind"], weights?: Readonly<Record<string, number>>) => ({
    key: `sha256:${name}`,
    name,
    kind,
    ...(weights && { weights, tokens: 1024, fusion: kind === "role" ? "general" : name }),
    sparsity: kind === "dense" ? 0 : 0.5,
    metrics: metrics(),
    layers: kind === "dense" ? [] : layersOf(name, kind),
  });
  const equal = Object.fromEntries(names.map((name) => [name, 1 / names.length]));
  return {
    secateur: "1.2.3",
    input: {
      recipe: whole,
      mixtures: [0.25, 0.75],
      rules: rules.map((name) => ({ name, fusion: name, fusionOptions: {} })),
      evaluate: [],
      evaluateSamples: 12,
    },
    model: { source, modelType: "llama", hash: "sha256:00aa" },
    plan: {
      model: source,
      modelType: "llama",
      blocks: 3,
      parameters: 123_456,
      layers: 12,
      prunable: 98_304,
      roles: names.map((role, i) => ({ role, sources: [`${role}.jsonl`], sequences: 8 + i, tokens: 1024, hash: `sha256:r${i}` })),
      evaluation: names.map((name, i) => ({
        name,
        sources: [`${name}.eval.jsonl`],
        documents: 12,
        heldOut: i === 0,
        hash: `sha256:e${i}`,
      })),
      variants: [],
      work: 1,
      diskBytes: 1,
      warnings,
    },
    backend: { engine: "reference", version: "1.0.0", device: "cpu", precision: "f32" },
    rows: [
      row("dense", "dense"),
      row("general", "role", { general: 1 }),
      ...tasks.map((task) => row(`${task} only`, "role", { [task]: 1 })),
      row("mixture 0.25", "mixture", equal),
      row("mixture 0.75", "mixture", equal),
      ...rules.map((rule, i) => ({
        ...row(rule, "rule", equal),
        frontier: Object.fromEntries(
          tasks.map((task) => [task, { value: 0.02 - 0.1 * i, standardError: 0.012, along: "task" as const, beyond: i > 0 }]),
        ),
      })),
    ],
  };
}
