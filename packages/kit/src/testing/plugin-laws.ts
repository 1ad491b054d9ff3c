import { type AnyPlugin, CONTRACT } from "../contracts.ts";
import { SecateurError } from "../errors.ts";
import type { OptionSchema } from "../schema.ts";
import type { TestApi } from "./test-api.ts";

/**
 * The laws of every plugin: a name and a summary fit for lists, and options that fill in defaults, describe themselves and refuse what they do not know.
 * `freeNames` says that options may have any name, as globs do.
 */
export function pluginLaws(t: TestApi, plugin: AnyPlugin, kind: AnyPlugin["kind"], given: object = {}, freeNames: boolean = false): void {
  t.it("has a name and a summary of one line", () => {
    demand(plugin.contract === CONTRACT, `the contract is ${JSON.stringify(plugin.contract)}, wanted ${CONTRACT}`);
    demand(plugin.kind === kind, `the kind is ${JSON.stringify(plugin.kind)}, wanted ${JSON.stringify(kind)}`);
    demand(/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(plugin.name), `the name ${JSON.stringify(plugin.name)} is not of the form some-name`);
    demand(
      /^\S[^\n]{0,118}\S$/.test(plugin.summary),
      `the summary ${JSON.stringify(plugin.summary)} is not one line of 2 to 120 characters`,
    );
  });
  t.it("fills in its options, and takes the result again", async () => {
    const options = await parseOptions(plugin.options, given);
    const again = await parseOptions(plugin.options, options);
    demand(json(again) === json(options), `options ${json(options)} became ${json(again)} when they were read a second time`);
  });
  t.it("refuses an option that it does not have", async () => {
    if (freeNames) return;
    const result = await plugin.options["~standard"].validate({ ...given, "no-such-option": 1 });
    demand(result.issues !== undefined, `the unknown option "no-such-option" was taken: the result is ${json(result)}`);
  });
  t.it("describes its options as a JSON Schema, defaults included", async () => {
    demand(plugin.options.toJSONSchema !== undefined, "the options have no toJSONSchema()");
    const options = (await parseOptions(plugin.options, given)) as Record<string, unknown>;
    for (const io of ["input", "output"] as const) {
      const schema = plugin.options.toJSONSchema?.({ io }) as { type?: unknown; properties?: Properties; additionalProperties?: unknown };
      demand(schema.type === "object", `the JSON Schema (${io}) is of type ${json(schema.type)}, wanted "object"`);
      for (const [name, value] of Object.entries(options)) {
        const property = schema.properties?.[name];
        const described = property !== undefined || (freeNames && typeof schema.additionalProperties === "object");
        demand(described, `the JSON Schema (${io}) does not have the option ${JSON.stringify(name)}`);
        if (name in given) continue;
        demand(
          json(property?.default) === json(value),
          `the JSON Schema (${io}) gives ${name} the default ${json(property?.default)}, but it is ${json(value)}`,
        );
      }
    }
  });
}

type Properties = Readonly<Record<string, { readonly default?: unknown }>>;

/** What a plugin's options are when `given` is given. Throws an Error with the schema's complaints. */
export async function parseOptions<Options>(schema: OptionSchema<Options>, given: unknown): Promise<Options> {
  const result = await schema["~standard"].validate(given);
  if (result.issues) throw new Error(`options ${json(given)} were refused: ${result.issues.map(({ message }) => message).join("; ")}`);
  return result.value;
}

/** Throws an Error with `message` unless `condition` holds. */
export function demand(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(message);
}

/** Throws an Error that shows the first number of `got` that is farther from `wanted` than `tolerance` times the largest of `wanted`. */
export function demandClose(got: ArrayLike<number>, wanted: ArrayLike<number>, tolerance: number, law: string): void {
  demand(got.length === wanted.length, `${law}: ${got.length} numbers, wanted ${wanted.length}`);
  let largest = 0;
  for (let i = 0; i < wanted.length; i++) largest = Math.max(largest, Math.abs(wanted[i] as number));
  for (let i = 0; i < wanted.length; i++) {
    const off = Math.abs((got[i] as number) - (wanted[i] as number));
    demand(off <= tolerance * largest, `${law}: number ${i} is ${got[i]}, wanted ${wanted[i]} within ${tolerance * largest}`);
  }
}

/** A stand-in whose every use fails with SecateurError `unsupported`, saying how to give the suite the real thing. */
export function refusing<T extends object>(what: string, how: string): T {
  return new Proxy({} as T, {
    get: (_, key) => {
      throw new SecateurError("unsupported", `${what} was asked for ${JSON.stringify(String(key))}, but this suite has none: ${how}`);
    },
  });
}

function json(value: unknown): string {
  return JSON.stringify(value) ?? String(value);
}
