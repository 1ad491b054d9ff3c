import { markLowest } from "@secateur/tensor";
import type { FuseInput, Fuser, FuserPlugin, Mask, Partition } from "../contracts.ts";
import { GENERAL, inputNorm, inputRms, type Role, type RoleStats } from "../statistics.ts";
import { demand, demandClose, parseOptions, pluginLaws } from "./plugin-laws.ts";
import { randomSample, reversedRows, type Sample, statsOf, together, withRowsReversed } from "./sample.ts";
import type { TestApi } from "./test-api.ts";

/** The laws that a rule may by its nature not obey: roles on scales of their own do not matter; a role whose weight vanishes does not matter. */
export type FuserLaw = "scale" | "vanishing weight";

/** What `describeFuser` may need to know beyond the plugin. */
export interface DescribeFuserOptions {
  /** Options for the plugin; its defaults when left out. */
  readonly options?: object;
  readonly except?: readonly FuserLaw[];
}

/**
 * The laws of a fuser, as tests: what it makes is finite and depends on nothing but its declared input; equal roles give the foundation's own
 * mask; the order of tasks, their scale, the number of their tokens and a vanishing weight do not matter; the mask follows the output rows.
 */
export function describeFuser(t: TestApi, plugin: FuserPlugin, options: DescribeFuserOptions = {}): void {
  const make = async (): Promise<Fuser> => plugin.create(await parseOptions(plugin.options, options.options ?? {}));
  const fused = async (roles: Roles, degree = 1): Promise<Fused> => fuse(await make(), roles, degree);
  const general = randomSample(1, ROWS, COLS);
  const task = { ...randomSample(2, ROWS, COLS), weights: general.weights };
  const other = { ...randomSample(3, ROWS, COLS), weights: general.weights };
  const generally: RoleSample = [GENERAL, 0.5, general];
  const half: Roles = [generally, ["a", 0.5, task]];

  t.describe(`fuser ${plugin.name}`, () => {
    pluginLaws(t, plugin, "fuser", options.options);

    t.it("says which roles it reads", async () => {
      const { reads } = await make();
      demand(["all", "general", "tasks"].includes(reads), `reads is ${JSON.stringify(reads)}, wanted "all", "general" or "tasks"`);
    });

    t.it("makes finite scores, and owners among the roles", async () => {
      const dead = { ...task, inputs: task.inputs.map((x, i) => (i % COLS === 3 ? 0 : x)) };
      for (const roles of [half, [generally, ["a", 0.5, dead] as const]]) {
        const { scores, partition } = await fused(roles);
        demand(scores.length === ROWS * COLS, `${scores.length} scores for a matrix of ${ROWS} × ${COLS}`);
        const bad = scores.findIndex((score) => !Number.isFinite(score));
        demand(bad < 0, `the score of row ${Math.floor(bad / COLS)}, column ${bad % COLS} is ${scores[bad]}, wanted a finite number`);
        if (partition) checkPartition(partition);
      }
    });

    t.it("gives the same scores again", async () => {
      demandClose((await fused(half)).scores, (await fused(half)).scores, 0, "fused twice");
    });

    t.it("does not change its inputs", async () => {
      const fuser = await make();
      if ("pool" in fuser) {
        const [stats, fresh] = [statsOfRoles(half), statsOfRoles(half)];
        const pooled = fuser.pool(stats, new Map(half.map(([role, weight]) => [role, weight])));
        for (const sums of Object.values(pooled.get(inputNorm))) sums.fill(7);
        for (const [role, of] of stats) {
          const wanted = fresh.get(role)?.get(inputNorm).squares ?? [];
          demandClose(of.get(inputNorm).squares ?? [], wanted, 0, `the squares of role ${role} after pooling`);
        }
        return;
      }
      const input = inputOf(fuser, half);
      fuser.fuse(input).scores.fill(7); // the scores may not be a view of the inputs either
      const fresh = inputOf(fuser, half);
      for (const role of input.roles) {
        demandClose(input.scores.get(role) ?? [], fresh.scores.get(role) ?? [], 0, `the scores of role ${role} after fusing`);
        demandClose(input.norms.get(role) ?? [], fresh.norms.get(role) ?? [], 0, `the norms of role ${role} after fusing`);
      }
    });

    t.it("equal roles give the foundation's own mask", async () => {
      for (const weight of [0.5, 0.3]) {
        const { scores } = await fused([
          [GENERAL, weight, general],
          ["a", 1 - weight, general],
        ]);
        sameMask(scores, foundation(general), "two equal roles against one");
      }
    });

    t.it("equal roles leave activation-free scores as they are", async () => {
      const fuser = await make();
      if ("pool" in fuser) return; // without activations there is nothing to pool
      const input = inputOf(
        fuser,
        half.map(([role, weight]) => [role, weight, general]),
        0,
      );
      sameMask(fuser.fuse(input).scores, general.weights.map(Math.abs), "two equal roles against one");
    });

    t.it("does not depend on the order of the tasks", async () => {
      const tasks: Roles = [
        ["a", 0.3, task],
        ["b", 0.2, other],
      ];
      const [first, second] = [await fused([generally, ...tasks]), await fused([generally, ...tasks.toReversed()])];
      sameMask(first.scores, second.scores, "tasks a, b against b, a");
    });

    t.it("does not depend on a role's number of tokens", async () => {
      const wanted = await fused(half);
      sameMask((await fused([generally, ["a", 0.5, together([task, task])]])).scores, wanted.scores, "every token of a role given twice");
    });

    if (!options.except?.includes("scale")) {
      t.it("does not depend on a role's scale", async () => {
        const scaled = { ...task, inputs: task.inputs.map((x) => 64 * x) };
        for (const degree of [1, 0.5]) {
          const [was, now] = [await fused(half, degree), await fused([generally, ["a", 0.5, scaled]], degree)];
          const law = `a role's activations times 64, scores of degree ${degree}`;
          sameMask(now.scores, was.scores, law);
          if (was.partition && now.partition) demandClose(now.partition.owners, was.partition.owners, 0, `owners, ${law}`);
        }
      });
    }

    if (!options.except?.includes("vanishing weight")) {
      t.it("a task of almost no weight leaves the general mask", async () => {
        const { scores } = await fused([
          [GENERAL, 1 - 1e-9, general],
          ["a", 1e-9, task],
        ]);
        sameMask(scores, foundation(general), "a task of weight 1e-9 against none");
      });
    }

    t.it("giving a role twice at half the weight leaves the channels' groups", async () => {
      const once = (await fused(half)).partition;
      const twice = (await fused([generally, ["a", 0.25, task], ["b", 0.25, task]])).partition;
      if (!once || !twice) return; // no groups, nothing to leave
      const owns = (owners: number, role: Role): number => (owners >>> once.roles.indexOf(role === "b" ? "a" : role)) & 1; // b is a's copy
      const wanted = once.owners.map((owners) => twice.roles.reduce((bits, role, i) => bits | (owns(owners, role) << i), 0));
      demandClose(twice.owners, wanted, 0, "owners, a role given twice");
    });

    t.it("permuting the output rows permutes the mask", async () => {
      const reversed = half.map(([role, weight, sample]): RoleSample => [role, weight, withRowsReversed(sample)]);
      sameMask((await fused(reversed)).scores, reversedRows((await fused(half)).scores, general), "rows reversed");
    });
  });
}

const ROWS = 9;
const COLS = 24;

type RoleSample = readonly [role: Role, weight: number, sample: Sample];
type Roles = readonly RoleSample[];

interface Fused {
  readonly scores: Float32Array;
  readonly partition?: Partition;
}

/** What the fuser makes of these roles, those that it reads, over the foundation |W_ij|·n[j]^degree. */
function fuse(fuser: Fuser, roles: Roles, degree: number): Fused {
  if (!("pool" in fuser)) return fuser.fuse(inputOf(fuser, roles, degree));
  const read = rolesRead(fuser, roles);
  const pooled = fuser.pool(statsOfRoles(read), new Map(read.map(([role, weight]) => [role, weight])));
  return { scores: foundationOn(read[0]?.[2] as Sample, pooled, degree) };
}

function inputOf(fuser: Fuser, roles: Roles, degree: number = 1): FuseInput {
  const read = rolesRead(fuser, roles);
  const wantsNorms = fuser.needs.some(({ id }) => id === inputNorm.id);
  return {
    roles: read.map(([role]) => role),
    weights: new Map(read.map(([role, weight]) => [role, weight])),
    shape: [ROWS, COLS],
    scores: new Map(read.map(([role, , sample]) => [role, foundation(sample, degree)])),
    norms: new Map(wantsNorms ? [...statsOfRoles(read)].map(([role, stats]) => [role, inputRms(stats)]) : []),
    firstColumn: 0,
    degree,
    selection: { group: "row", rule: "exact" },
  };
}

/** The roles that a fuser reads, their weights brought to the sum 1. */
function rolesRead({ reads }: Fuser, roles: Roles): Roles {
  const read = roles.filter(([role]) => reads === "all" || (role === GENERAL) === (reads === "general"));
  const total = read.reduce((sum, [, weight]) => sum + weight, 0);
  return read.map(([role, weight, sample]) => [role, weight / total, sample]);
}

function statsOfRoles(roles: Roles): ReadonlyMap<Role, RoleStats> {
  return new Map(roles.map(([role, , sample]) => [role, statsOf(sample, [inputNorm])]));
}

function foundation(sample: Sample, degree: number = 1): Float32Array {
  return foundationOn(sample, statsOf(sample, [inputNorm]), degree);
}

function foundationOn({ weights, cols }: Sample, stats: RoleStats, degree: number): Float32Array {
  const norms = inputRms(stats).map((norm) => norm ** degree);
  return weights.map((w, k) => Math.abs(w) * (norms[k % cols] as number));
}

/** Compares what two score matrices keep: the higher half of each row. */
function sameMask(got: Float32Array, wanted: Float32Array, law: string): void {
  const [gotMask, wantedMask] = [maskOf(got), maskOf(wanted)];
  const off = gotMask.findIndex((kept, k) => kept !== wantedMask[k]);
  const [row, column] = [Math.floor(off / COLS), off % COLS];
  demand(off < 0, `${law}: the masks differ at row ${row}, column ${column}, where the scores are ${got[off]} and ${wanted[off]}`);
}

function maskOf(scores: Float32Array): Mask {
  const mask = new Uint8Array(scores.length);
  const scratch = new Float32Array(COLS);
  for (let start = 0; start < scores.length; start += COLS) markLowest(scores, COLS / 2, mask, scratch, start, start + COLS);
  return mask;
}

function checkPartition({ roles, owners }: Partition): void {
  demand(owners.length === COLS, `the partition has ${owners.length} channels, wanted ${COLS}`);
  const bad = owners.findIndex((bits) => bits === 0 || bits >= 2 ** roles.length);
  demand(bad < 0, `channel ${bad} has the owners ${owners[bad]?.toString(2)}, wanted at least one of ${roles.length} roles, a bit each`);
}
