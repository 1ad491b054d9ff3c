import type { PluginList } from "@secateur/engine";
import type { JobKind } from "../api/types.ts";
import { COLLECTED, type Draft, type NamedDraft, type PluginDraft, type SourceDraft } from "./draft.ts";
import { readOptions } from "./options.ts";

/** What the server is asked for, and what keeps it from being asked: the name of a field → what is wrong with it. */
export interface Asked {
  readonly body: { readonly kind: JobKind; readonly recipe: unknown };
  readonly problems: ReadonlyMap<string, string>;
}

/** The job that a form says; its problems are those that can be seen without the server. */
export function requestOf(draft: Draft, plugins: PluginList): Asked {
  const problems = new Map<string, string>();
  const reader = createReader(problems, plugins);
  const { kind } = draft;
  if (draft.model === "") reader.refuse("model", "choose a model");
  const recipe = RECIPES[kind](draft, reader);
  return { body: { kind, recipe: withoutNothing(recipe) }, problems };
}

/**
 * The field that a message of the server is about: messages begin with the place of what is wrong, such as `tasks.0.name: …`, which may be inside a recipe.
 * Undefined where it is about none of `fields`.
 */
export function fieldOf(message: string, fields: Iterable<string>): string | undefined {
  const [, place] = /^([\w.]+):/.exec(message) ?? [];
  if (place === undefined) return undefined;
  const inRecipe = place.replace(/^json\./, "").replace(/^(?:recipe\.|measure\.)+/, "");
  const path = EVALUATION[inRecipe] ?? inRecipe;
  // The field may hold more than what is wrong: options have one field each, a pattern one for both numbers.
  const holding = [...fields].filter((field) => path === field || path.startsWith(`${field}.`));
  return holding.sort((a, b) => b.length - a.length)[0];
}

/** Keys of an evaluation's recipe that have fields of another name. */
const EVALUATION: Readonly<Record<string, string>> = {
  data: "measured",
  fields: "measured.fields",
  template: "measured.template",
  maxTokens: "evaluateMaxTokens",
};

const RECIPES: Readonly<Record<JobKind, (draft: Draft, reader: Reader) => Record<string, unknown>>> = {
  prune(draft, reader) {
    const kept = draft.stats !== "";
    return {
      model: draft.model,
      ...(kept ? { stats: draft.stats } : dataOf(draft, reader)),
      weights: weightsOf(draft, reader),
      ...methodOf(draft, reader),
      ...pluginOf("fusion", draft.fusion, reader),
      ...(!kept && { propagate: draft.propagate || undefined }),
      ...backendOf(draft, reader),
      ...(draft.evaluate.length > 0 && { measure: withoutNothing(measuredOf(draft, reader)) }),
    };
  },
  compare(draft, reader) {
    if (draft.general.every(({ data }) => data === "")) reader.refuse("general.0", "a comparison wants general text");
    if (draft.tasks.length === 0) reader.refuse("tasks", "a comparison wants a task");
    const recipe = {
      model: draft.model,
      ...dataOf(draft, reader),
      weights: weightsOf(draft, reader),
      ...methodOf(draft, reader),
      ...backendOf(draft, reader),
    };
    return {
      recipe: withoutNothing(recipe),
      mixtures: reader.shares("mixtures", draft.mixtures),
      rules: [...draft.rules.map((name) => ({ name, fusion: name })), ...reader.rules("otherRules", draft.otherRules)],
      ...measuredOf(draft, reader),
    };
  },
  calibrate(draft, reader) {
    const chosen = [...draft.general, ...draft.tasks].some(({ data }) => data !== "");
    if (!chosen) reader.refuse("general.0", "a calibration wants data");
    const collected = Object.keys(COLLECTED).filter((name) => draft.collect.includes(name));
    return {
      model: draft.model,
      ...dataOf(draft, reader),
      ...Object.fromEntries(collected.map((name) => [name, true])),
      ...targetsOf(draft),
      ...backendOf(draft, reader),
    };
  },
  eval(draft, reader) {
    if (draft.measured.data === "") reader.refuse("measured", "choose what it is measured on");
    const { source: data, ...reading } = reader.source("measured", draft.measured);
    return {
      model: draft.model,
      data,
      ...reading,
      against: draft.against || undefined,
      metric: draft.metric || undefined,
      seqLen: reader.count("seqLen", draft.seqLen, 2),
      samples: reader.count("samples", draft.samples, 1),
      maxTokens: reader.count("evaluateMaxTokens", draft.evaluateMaxTokens, 0),
      ...backendOf(draft, reader),
    };
  },
};

function dataOf(draft: Draft, reader: Reader): Record<string, unknown> {
  const general = draft.general.flatMap((one, i) => (one.data === "" ? [] : [reader.source(`general.${i}`, one)]));
  const names = draft.tasks.map(({ name }) => name);
  const tasks = draft.tasks.map((one, i) => {
    if (names.indexOf(one.name) !== i) reader.refuse(`tasks.${i}.name`, `two tasks are called ${one.name}`);
    return reader.named(`tasks.${i}`, one);
  });
  return {
    general,
    tasks,
    samples: reader.count("samples", draft.samples, 1),
    seqLen: reader.count("seqLen", draft.seqLen, 2),
    pack: draft.pack === "" ? undefined : draft.pack === "true",
    promptWeight: reader.number("promptWeight", draft.promptWeight, { wanted: "a number from 0 to 1", fits: (x) => x >= 0 && x <= 1 }),
    shuffle: draft.shuffle || undefined,
    seed: reader.number("seed", draft.seed, { wanted: "a whole number", fits: Number.isSafeInteger }),
  };
}

/** What models are measured on, and how far. */
function measuredOf(draft: Draft, reader: Reader): Record<string, unknown> {
  return {
    evaluate: draft.evaluate.map((one, i) => reader.named(`evaluate.${i}`, one)),
    evaluateSamples: reader.count("evaluateSamples", draft.evaluateSamples, 2),
    evaluateSeqLen: reader.count("evaluateSeqLen", draft.evaluateSeqLen, 2),
    evaluateMaxTokens: reader.count("evaluateMaxTokens", draft.evaluateMaxTokens, 0),
  };
}

function weightsOf({ generalWeight, tasks }: Draft, reader: Reader): Record<string, unknown> | undefined {
  const texts = [["general", "generalWeight", generalWeight], ...tasks.map(({ name, weight }, i) => [name, `tasks.${i}.weight`, weight])];
  const given = (texts as [string, string, string][]).flatMap(([role, field, text]) => {
    const weight = reader.number(field, text, { wanted: "a number from 0 to 1", fits: (x) => x >= 0 && x <= 1 });
    return weight === undefined ? [] : [[role, weight] as const];
  });
  return given.length > 0 ? Object.fromEntries(given) : undefined;
}

function methodOf(draft: Draft, reader: Reader): Record<string, unknown> {
  if (draft.amount === "pattern" && draft.allocate.name !== "")
    reader.refuse("allocate", "a pattern prunes every layer alike: leave this out");
  return {
    ...(draft.amount === "sparsity"
      ? { sparsity: reader.number("sparsity", draft.sparsity, { wanted: "a number above 0 and below 1", fits: isShare, needed: true }) }
      : { pattern: reader.pattern("pattern", draft.pattern) }),
    ...pluginOf("scorer", draft.scorer, reader),
    ...pluginOf("solver", draft.solver, reader),
    ...pluginOf("allocate", draft.allocate, reader),
    ...targetsOf(draft),
  };
}

function targetsOf({ include, exclude }: Draft): Record<string, unknown> {
  return { include: linesOf(include), exclude: linesOf(exclude) };
}

function backendOf({ backend }: Draft, reader: Reader): Record<string, unknown> {
  return pluginOf("backend", backend, reader);
}

/** Key of a recipe → kind of plugins. */
export const KIND_OF = { scorer: "scorer", solver: "scorer", fusion: "fuser", allocate: "allocator", backend: "backend" } as const;

function pluginOf(key: keyof typeof KIND_OF, { name, options }: PluginDraft, reader: Reader): Record<string, unknown> {
  if (name === "") return {};
  return { [key]: name, [`${key}Options`]: reader.options(key, name, options) };
}

/** Reads texts, and puts down what is wrong with them. */
type Reader = ReturnType<typeof createReader>;

/** A fusion that is compared, as the server takes it. */
interface RuleInput {
  readonly name: string;
  readonly fusion: string;
  readonly fusionOptions: Readonly<Record<string, string>>;
  readonly tasksWeight?: number;
}

interface NumberWanted {
  readonly wanted: string;
  fits(value: number): boolean;
  readonly needed?: boolean;
}

function createReader(problems: Map<string, string>, plugins: PluginList) {
  const refuse = (field: string, problem: string): undefined => void problems.set(field, problem);

  function number(field: string, text: string, { wanted, fits, needed = false }: NumberWanted): number | undefined {
    const typed = text.trim();
    if (typed === "") return needed ? refuse(field, `${wanted} is wanted`) : undefined;
    const value = Number(typed);
    return Number.isFinite(value) && fits(value) ? value : refuse(field, `${typed} was given, ${wanted} is wanted`);
  }

  function source(
    field: string,
    { data, fields, template }: SourceDraft,
  ): { source: string; fields?: Record<string, string>; template?: string } {
    const columns = fields.split(",").filter((one) => one.trim() !== "");
    const pairs = columns.map((one) => one.split("=").map((part) => part.trim()));
    const whole = pairs.every(([key, column, ...rest]) => key && column && rest.length === 0);
    if (!whole) refuse(`${field}.fields`, `${fields.trim()} was given, KEY=COLUMN is wanted, with commas between`);
    return {
      source: data,
      ...(pairs.length > 0 && { fields: Object.fromEntries(pairs) as Record<string, string> }),
      ...(template.trim() !== "" && { template }),
    };
  }

  return {
    refuse,
    number,
    source,
    count: (field: string, text: string, least: number) =>
      number(field, text, { wanted: `a whole number from ${least} on`, fits: (value) => Number.isSafeInteger(value) && value >= least }),
    named(field: string, one: NamedDraft) {
      if (one.data === "") refuse(field, "choose a file, or take this away");
      if (!/^[A-Za-z_][\w-]*$/.test(one.name) && one.name !== "")
        refuse(`${field}.name`, `${one.name} was given, letters, digits, _ and - are wanted, with a letter or _ first`);
      if (one.name === "") refuse(`${field}.name`, "a name is wanted");
      return { name: one.name, ...source(field, one) };
    },
    shares(field: string, text: string): number[] | undefined {
      const values = text
        .split(",")
        .filter((one) => one.trim() !== "")
        .map(Number);
      return values.every(isShare)
        ? values
        : refuse(field, `${text} was given, numbers above 0 and below 1 are wanted, with commas between`);
    },
    rules(field: string, text: string): RuleInput[] {
      return text.split(",").flatMap((one) => {
        const name = one.trim();
        if (name === "") return [];
        const [fusion = "", ...settings] = name.split(":");
        const pairs = settings.map((setting) => [setting.split("=", 1)[0] ?? "", setting.slice(setting.indexOf("=") + 1)] as const);
        const { weight, ...fusionOptions } = Object.fromEntries(pairs);
        const whole = settings.every((setting) => /^\w+=./.test(setting)) && (weight === undefined || isShare(Number(weight)));
        if (!whole) refuse(field, `${name} was given, NAME:KEY=VALUE is wanted, and a weight above 0 and below 1`);
        if (!plugins.fuser?.some((plugin) => plugin.name === fusion)) refuse(field, `no fusion is called ${fusion}`);
        return [{ name, fusion, fusionOptions, ...(weight !== undefined && { tasksWeight: Number(weight) }) }];
      });
    },
    pattern(field: string, text: string): { keep: number; of: number } | undefined {
      const [, keep, of] = /^\s*(\d{1,6})\s*:\s*(\d{1,6})\s*$/.exec(text) ?? [];
      if (keep !== undefined && Number(keep) >= 1 && Number(keep) < Number(of)) return { keep: Number(keep), of: Number(of) };
      return refuse(field, `${text.trim() || "nothing"} was given, KEEP:OF is wanted with KEEP below OF, such as 2:4`);
    },
    options(key: keyof typeof KIND_OF, name: string, texts: Readonly<Record<string, string>>): Record<string, unknown> | undefined {
      const plugin = plugins[KIND_OF[key]]?.find((one) => one.name === name);
      const read = readOptions(plugin ?? { options: [] }, texts);
      for (const [option, problem] of read.problems) refuse(`${key}Options.${option}`, problem);
      return Object.keys(read.values).length > 0 ? read.values : undefined;
    },
  };
}

function isShare(value: number): boolean {
  return value > 0 && value < 1;
}

function linesOf(text: string): string[] | undefined {
  const lines = text.split("\n").map((line) => line.trim());
  const said = lines.filter((line) => line !== "");
  return said.length > 0 ? said : undefined;
}

/** The same without keys that say nothing. */
function withoutNothing(recipe: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(recipe).filter(([, value]) => value !== undefined));
}
