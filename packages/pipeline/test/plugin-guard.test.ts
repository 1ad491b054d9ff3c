import {
  type FuseInput,
  type Fuser,
  gram,
  inputNorm,
  type Linear,
  type Need,
  outputGradient,
  type Partition,
  type Role,
  type RoleStats,
  type Scorer,
  SecateurError,
} from "@secateur/kit";
import { f32 } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import type { Parts } from "../src/index.ts";
import { FIRST, failureWith, withNumbers } from "./failing-run.ts";

/** What may not be written to, as whoever writes to it all the same sees it. */
type Writable<T> = { -readonly [K in keyof T]: Writable<T[K]> };
const writable = <T>(value: T): Writable<T> => value as Writable<T>;
const entry = (map: ReadonlyMap<Role, Float32Array | Float64Array> | undefined, role: Role): Float32Array | Float64Array =>
  map?.get(role) ?? new Float32Array(0);

const scorer = (score: (layer: Linear, stats: RoleStats) => unknown, needs: readonly Need[] = []): Partial<Parts> => ({
  scorer: { needs, selection: { group: "row", rule: "exact" }, score } as Scorer,
});

describe("a scorer that does not keep its contract", () => {
  it.each<[what: string, score: (layer: Linear, stats: RoleStats) => unknown, complaint: string]>([
    [
      "gives NaN",
      async ({ weights }) => withNumbers(weights, (w, i) => (i === 50 ? Number.NaN : w)),
      `gave a score of NaN (entry 50) for ${FIRST}`,
    ],
    [
      "gives infinity",
      async ({ weights }) => withNumbers(weights, () => Number.POSITIVE_INFINITY),
      `gave a score of Infinity (entry 0) for ${FIRST}`,
    ],
    ["gives another shape", async () => f32([48, 47]), `gave scores of shape [48, 47] instead of [48, 48] for ${FIRST}`],
    [
      "gives a shape that is none",
      async () => ({ shape: 2304, data: new Float32Array(2304) }),
      `gave scores of shape [2304] instead of [48, 48] for ${FIRST}`,
    ],
    [
      "gives fewer numbers than its shape says",
      async ({ weights: { shape } }) => ({ dtype: "F32", shape, data: new Float32Array(5) }),
      `gave 5 scores instead of 2304 for ${FIRST}`,
    ],
    [
      "gives double precision",
      async ({ weights: { shape } }) => ({ shape, data: new Float64Array(2304) }),
      `gave scores that are no Float32Array for ${FIRST}`,
    ],
    ["gives nothing", async () => undefined, `gave no scores for ${FIRST}`],
    ["gives what is no promise", () => 7, `gave no scores for ${FIRST}`],
    ["rejects", () => Promise.reject(new Error("out of luck")), `failed on ${FIRST}: out of luck`],
    ["rejects with what is no error", () => Promise.reject("luck"), `failed on ${FIRST}: luck`],
    [
      "throws",
      () => {
        throw new RangeError("too far");
      },
      `failed on ${FIRST}: too far`,
    ],
    [
      "changes the weights",
      async ({ weights }) => {
        weights.data[9] = 0;
        return f32(weights.shape);
      },
      `changed the weights that it was given for ${FIRST}`,
    ],
    [
      "takes the weights away",
      async ({ weights }) => {
        structuredClone(weights.data, { transfer: [weights.data.buffer as ArrayBuffer] });
        return f32(weights.shape);
      },
      `changed the weights that it was given for ${FIRST}`,
    ],
    [
      "changes norms",
      async ({ weights }, stats) => {
        (stats.get(inputNorm).squares as Float64Array)[3] = 0;
        return weights;
      },
      `changed the statistic inputNorm.squares that it was given for ${FIRST}`,
    ],
    [
      "changes one number of a Gram matrix",
      async ({ weights }, stats) => {
        const sums = stats.get(gram).gram as Float64Array;
        sums[sums.length - 1] = 1e-300;
        return weights;
      },
      `changed the statistic gram.gram that it was given for ${FIRST}`,
    ],
    [
      "puts other statistics in their place",
      async ({ weights }, stats) => {
        writable(stats.get(inputNorm)).squares = new Float64Array(48) as never;
        return weights;
      },
      `failed on ${FIRST}: Cannot assign to read only property 'squares' of object '#<Object>'`,
    ],
    [
      "turns the shape round",
      async ({ weights }) => f32((weights.shape as number[]).reverse()),
      `failed on ${FIRST}: Cannot assign to read only property '0' of object '[object Array]'`,
    ],
    [
      "puts other weights in their place",
      async ({ weights }) => {
        writable(weights).data = new Float32Array(2304) as never;
        return weights;
      },
      `failed on ${FIRST}: Cannot assign to read only property 'data' of object '#<Object>'`,
    ],
    [
      "renames the axes",
      async ({ axes, weights }) => {
        writable(axes)[1] = "ffn";
        return weights;
      },
      `failed on ${FIRST}: Cannot assign to read only property '1' of object '[object Array]'`,
    ],
    [
      "changes the sizes",
      async ({ axes, sizes, weights }) => {
        (sizes as Record<string, number>)[axes[1]] = 1;
        return weights;
      },
      `failed on ${FIRST}: Cannot assign to read only property 'hidden' of object '#<Object>'`,
    ],
  ])("%s", async (_, score, complaint) => {
    expect(await failureWith(scorer(score, [inputNorm, gram]))).toEqual(["plugin", `scorer wanda ${complaint}`]);
  });

  it("reads what it did not ask for", async () => {
    const reading = scorer(async ({ weights }, stats) => f32(weights.shape, Float32Array.from(stats.get(inputNorm).squares ?? [])));
    expect(await failureWith(reading, { tasks: [], fusion: "general" })).toEqual([
      "unsupported",
      "the statistic inputNorm was not collected: the scorer does not list it among its needs",
    ]);
  });

  it("keeps the code of an error that says its own", async () => {
    expect(await failureWith(scorer(() => Promise.reject(new SecateurError("numeric", "no good"))))).toEqual(["numeric", "no good"]);
  });
});

describe("a fuser that does not keep its contract", () => {
  const fuser = (fuse: (input: FuseInput) => unknown, needs: readonly Need[]): Partial<Parts> => ({
    fuser: { needs, reads: "all", fuse } as unknown as Fuser,
  });
  const scores = new Float32Array(48 * 48);
  const partition = (change: object): (() => unknown) => {
    const whole: Partition = { roles: ["general", "a"], owners: new Uint32Array(48).fill(3) };
    return () => ({ scores, partition: { ...whole, ...change } });
  };

  it.each<[what: string, fuse: (input: FuseInput) => unknown, complaint: string]>([
    ["gives NaN", () => ({ scores: new Float32Array(48 * 48).fill(Number.NaN) }), `gave a score of NaN (entry 0) for ${FIRST}`],
    ["gives another size", () => ({ scores: new Float32Array(48) }), `gave 48 scores instead of 2304 for ${FIRST}`],
    ["gives no scores", () => ({}), `gave no scores for ${FIRST}`],
    ["gives nothing", () => undefined, `gave no scores for ${FIRST}`],
    ["gives a promise", async () => ({ scores }), `gave a promise of its answer, wanted the answer, for ${FIRST}`],
    [
      "gives a promise that fails",
      () => Promise.reject(new Error("too late")),
      `gave a promise of its answer, wanted the answer, for ${FIRST}`,
    ],
    ["gives an array", () => ({ scores: [...scores] }), `gave scores that are no Float32Array for ${FIRST}`],
    [
      "throws",
      () => {
        throw new TypeError("x is not a function");
      },
      `failed on ${FIRST}: x is not a function`,
    ],
    [
      "changes scores",
      (input) => {
        entry(input.scores, "a").fill(1, 7, 8);
        return { scores };
      },
      `changed the scores of role a that it was given for ${FIRST}`,
    ],
    [
      "changes norms",
      (input) => {
        entry(input.norms, "general").reverse();
        return { scores };
      },
      `changed the norms of role general that it was given for ${FIRST}`,
    ],
    [
      "gives a partition of fewer channels",
      partition({ owners: new Uint32Array(47) }),
      `gave the owners of 47 channels instead of 48 for ${FIRST}`,
    ],
    ["gives a partition without owners", partition({ owners: undefined }), `gave a partition whose owners are no Uint32Array for ${FIRST}`],
    [
      "gives a partition without roles",
      partition({ roles: undefined }),
      `gave a partition among the roles undefined instead of general, a for ${FIRST}`,
    ],
    [
      "gives a partition of other roles",
      partition({ roles: ["a", "general"] }),
      `gave a partition among the roles a, general instead of general, a for ${FIRST}`,
    ],
    [
      "gives channels to a role that is not there",
      partition({ owners: new Uint32Array(48).fill(5) }),
      `gave channel 0 the owners 101, wanted one or more of 2 roles, a bit each, for ${FIRST}`,
    ],
    [
      "gives channels to none",
      partition({ owners: new Uint32Array(48) }),
      `gave channel 0 the owners 0, wanted one or more of 2 roles, a bit each, for ${FIRST}`,
    ],
    [
      "turns the shape round",
      ({ shape }) => writable(shape).reverse(),
      `failed on ${FIRST}: Cannot assign to read only property '0' of object '[object Array]'`,
    ],
    [
      "sorts the roles",
      ({ roles }) => writable(roles).sort(),
      `failed on ${FIRST}: Cannot assign to read only property '0' of object '[object Array]'`,
    ],
    [
      "changes the selection",
      ({ selection }) => {
        writable(selection).group = "matrix";
      },
      `failed on ${FIRST}: Cannot assign to read only property 'group' of object '#<Object>'`,
    ],
    ["changes weights", ({ weights }) => (weights as Map<Role, number>).set("a", 1), `failed on ${FIRST}: this map cannot be changed`],
    [
      "leaves a role out",
      (input) => (input.scores as Map<Role, Float32Array>).delete("a"),
      `failed on ${FIRST}: this map cannot be changed`,
    ],
    ["leaves all norms out", ({ norms }) => (norms as Map<Role, Float64Array>).clear(), `failed on ${FIRST}: this map cannot be changed`],
  ])("%s", async (_, fuse, complaint) => {
    const message = ["plugin", `fusion shared-exclusive ${complaint}`];
    expect(await failureWith(fuser(fuse, [inputNorm]))).toEqual(message);
    // With a solver that asks for all columns at once it is called in the midst of the solver's own.
    expect(await failureWith(fuser(fuse, [inputNorm]), { scorer: "sparsegpt" })).toEqual(message);
  });

  it("changes what it is told of the loss's gradients", async () => {
    const spoil = (input: FuseInput): unknown => {
      entry(input.gradients, "a").fill(0);
      return { scores };
    };
    expect(await failureWith(fuser(spoil, [outputGradient]), { scorer: "obd" })).toEqual([
      "plugin",
      `fusion shared-exclusive changed the gradients of role a that it was given for ${FIRST}`,
    ]);
    const levels = (input: FuseInput): unknown => (input.levels as Map<Role, number>).set("a", 1);
    expect(await failureWith(fuser(levels, [outputGradient]), { scorer: "obd" })).toEqual([
      "plugin",
      `fusion shared-exclusive failed on ${FIRST}: this map cannot be changed`,
    ]);
  });
});
