import { describe, expect, it } from "vitest";
import { defineFuser, type FuseInput, type Fuser, type FuserPlugin, inputNorm, type OptionSchema, type Role } from "../../src/index.ts";
import { describeFuser } from "../../src/testing.ts";

const noOptions: OptionSchema<object> = {
  "~standard": {
    version: 1,
    vendor: "test",
    validate: (value) => (Object.keys(value as object).length ? { issues: [{ message: "unknown option" }] } : { value: {} }),
  },
  toJSONSchema: () => ({ type: "object", properties: {}, additionalProperties: false }),
};

// Σ w S / n̄^degree, n̄ the mean norm of the role.
const sound: Fuser = {
  needs: [inputNorm],
  reads: "all",
  fuse: (input) => ({
    scores: added(input, (role) => (input.weights.get(role) as number) / mean(input.norms.get(role)) ** input.degree),
    partition: { roles: input.roles, owners: new Uint32Array(input.shape[1]).fill(2 ** input.roles.length - 1) },
  }),
};

const pooling: Fuser = {
  needs: [],
  reads: "all",
  pool: (stats, weights) => ({
    get(need) {
      const roles = [...stats].map(([role, of]) => ({ sums: of.get(need), weight: weights.get(role) as number }));
      const pooled = (name: string): Float64Array =>
        Float64Array.from(roles[0]?.sums[name] ?? [], (_, k) =>
          roles.reduce((sum, { sums, weight }) => sum + (weight * (sums[name]?.[k] as number)) / (sums.weight?.[0] as number), 0),
        );
      return { squares: pooled("squares"), sums: pooled("sums"), weight: Float64Array.of(1) };
    },
  }),
};

describeFuser({ describe, it }, plugin(sound));
describeFuser({ describe, it }, plugin(pooling), { except: ["scale"] });

describe("describeFuser", () => {
  it.each<[string, Fuser, string, string]>([
    ["roles of no kind", { ...sound, reads: "some" as "all" }, "says which roles", 'reads is "some", wanted "all", "general" or "tasks"'],
    ["NaN", scores((input) => added(input, () => Number.NaN)), "makes finite scores", "the score of row 0, column 0 is NaN"],
    [
      "channels without owner",
      { ...sound, fuse: (input) => ({ ...soundly(input), partition: { roles: input.roles, owners: new Uint32Array(24) } }) },
      "makes finite scores",
      "channel 0 has the owners 0, wanted at least one of 2 roles, a bit each",
    ],
    ["norms that were not asked for", { ...sound, needs: [] }, "makes finite scores", "no norms"],
    ["chance", scores((input) => soundly(input).scores.with(0, Math.random())), "gives the same scores again", "fused twice: number 0 is"],
    [
      "scores that are a role's",
      scores((input) => input.scores.get(input.roles[0] as Role) as Float32Array),
      "does not change its inputs",
      "the scores of role general after fusing: number 0 is 7",
    ],
    [
      "changed statistics",
      {
        ...pooling,
        pool: (stats) => ({ get: (need) => stats.get("a")?.get(need) ?? {} }),
      },
      "does not change its inputs",
      "the squares of role a after pooling: number 0 is 7",
    ],
    ["lost scores", scores((input) => added(input, () => 0)), "equal roles give", "two equal roles against one: the masks differ at row 0"],
    [
      "lost scores",
      scores((input) => added(input, () => 0)),
      "equal roles leave",
      "two equal roles against one: the masks differ at row 0",
    ],
    [
      "the last task only",
      scores((input) => added(input, (role) => (role === input.roles.at(-1) ? 1 : 0))),
      "does not depend on the order",
      "tasks a, b against b, a: the masks differ",
    ],
    [
      "sums in place of means",
      {
        ...pooling,
        pool: (stats, weights) => ({ get: (need) => total([...stats].map(([role, of]) => [of.get(need), weights.get(role) ?? 0])) }),
      },
      "does not depend on a role's number of tokens",
      "every token of a role given twice: the masks differ",
    ],
    [
      "pooling without levels",
      pooling,
      "does not depend on a role's scale",
      "a role's activations times 64, scores of degree 1: the masks",
    ],
    [
      "scores taken to be of degree one",
      scores((input) => added(input, (role) => (input.weights.get(role) as number) / mean(input.norms.get(role)))),
      "does not depend on a role's scale",
      "a role's activations times 64, scores of degree 0.5: the masks differ",
    ],
    [
      "equal weights",
      scores((input) => added(input, () => 1)),
      "a task of almost no weight",
      "a task of weight 1e-9 against none: the masks differ",
    ],
    [
      "groups that follow weights",
      {
        ...sound,
        fuse: (input) => ({
          ...soundly(input),
          partition: { roles: input.roles, owners: new Uint32Array(24).fill((input.weights.get("a") as number) < 0.5 ? 1 : 3) },
        }),
      },
      "giving a role twice",
      "owners, a role given twice: number 0 is 1, wanted 7",
    ],
    [
      "a favourite row",
      scores((input) => soundly(input).scores.map((s, k) => (k < 24 ? -s : s))),
      "permuting the output rows",
      "rows reversed: the masks differ",
    ],
  ])("catches %s", async (_, broken, law, message) => {
    const tests = new Map<string, () => void | Promise<void>>();
    describeFuser({ describe: (_name, body) => body(), it: (name, body) => tests.set(name, body) }, plugin(broken));
    const name = [...tests.keys()].find((key) => key.startsWith(law)) as string;
    await expect((async () => tests.get(name)?.())()).rejects.toThrow(message);
  });
});

function plugin(fuser: Fuser): FuserPlugin {
  return defineFuser({ name: "sound", summary: "a fuser for this test", options: noOptions, create: () => fuser });
}

function scores(fuse: (input: FuseInput) => Float32Array): Fuser {
  return { needs: [inputNorm], reads: "all", fuse: (input) => ({ scores: fuse(input) }) };
}

function soundly(input: FuseInput): { readonly scores: Float32Array } {
  if ("pool" in sound) throw new Error("it fuses");
  return { scores: sound.fuse(input).scores };
}

function added(input: FuseInput, factor: (role: Role) => number): Float32Array {
  const factors = new Map(input.roles.map((role) => [role, factor(role)]));
  return new Float32Array(input.shape[0] * input.shape[1]).map((_, k) =>
    input.roles.reduce((sum, role) => sum + (factors.get(role) as number) * (input.scores.get(role)?.[k] as number), 0),
  );
}

function mean(values: Float64Array | undefined): number {
  if (!values) throw new Error("no norms");
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function total(parts: readonly (readonly [Readonly<Record<string, Float64Array>>, number])[]): Record<string, Float64Array> {
  const squares = Float64Array.from(parts[0]?.[0].squares ?? [], (_, k) =>
    parts.reduce((sum, [of, w]) => sum + w * (of.squares?.[k] as number), 0),
  );
  return { squares, sums: squares, weight: Float64Array.of(1) };
}
