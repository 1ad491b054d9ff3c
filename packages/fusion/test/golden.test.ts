import { readFileSync } from "node:fs";
import { type Fuser, inputNorm, inputRms, type RoleStats, type Selection } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { generalFuser, maskPattern, maskUnstructured, maxFuser, mixtureFuser, sharedExclusiveFuser } from "../src/index.ts";
import { foundation, inputOf } from "./helpers.ts";

interface Golden {
  readonly rows: number;
  readonly cols: number;
  readonly weightsF32Base64: string;
  readonly roles: Readonly<Record<string, { readonly squares: readonly number[]; readonly weight: number }>>;
  readonly masks: Readonly<Record<string, readonly string[]>>;
  readonly patterns: Readonly<Record<string, readonly string[]>>;
  readonly wanda60: readonly string[];
}

const golden = JSON.parse(readFileSync(new URL("fixtures/first-layer.json", import.meta.url), "utf8")) as Golden; // made for this test
const weights = new Float32Array(Uint8Array.from(Buffer.from(golden.weightsF32Base64, "base64")).buffer); // (rows, cols)
const stats = new Map<string, RoleStats>(
  Object.entries(golden.roles).map(([role, { squares, weight }]) => [
    role,
    { get: () => ({ squares: Float64Array.from(squares), weight: Float64Array.of(weight) }) },
  ]),
);
const { rows, cols } = golden;
const scale = { level: "geometric", tau: 0.1, kappa: 4, boost: 0 } as const;
const fusersByName: Readonly<Record<string, Fuser>> = {
  general: generalFuser.create({}),
  "shared-exclusive": sharedExclusiveFuser.create(scale),
  max: maxFuser.create(scale),
  mixture: mixtureFuser.create({ normalize: false }),
};
const selections: Readonly<Record<string, Selection>> = {
  wanda: { group: "row", rule: "exact" },
  magnitude: { group: "matrix", rule: "threshold" },
};

describe("the first layer of a small model", () => {
  it.each(Object.entries(golden.masks))("%s at 50 %% keeps the same weights", (name, wanted) => {
    const [scorer, rule] = name.split(" ") as [string, string];
    const scores = scoresOf(scorer, fusersByName[rule] as Fuser);
    expect(lines(maskUnstructured(scores, rows, cols, 0.5, selections[scorer] as Selection).mask)).toEqual(wanted);
  });

  it("wanda at 60 % keeps the same weights", () => {
    const scores = scoresOf("wanda", generalFuser.create({}));
    expect(lines(maskUnstructured(scores, rows, cols, 0.6, { group: "row", rule: "exact" }).mask)).toEqual(golden.wanda60);
  });

  it.each(Object.entries(golden.patterns))("%s keeps the same weights", (name, wanted) => {
    const [scorer, pattern] = name.split(" ") as [string, string];
    const [keep, of] = pattern.split(":").map(Number) as [number, number];
    expect(lines(maskPattern(scoresOf(scorer, generalFuser.create({})), rows, cols, { keep, of }).mask)).toEqual(wanted);
  });
});

function scoresOf(scorer: string, fuser: Fuser): Float32Array {
  if ("pool" in fuser) {
    const pooled = fuser.pool(stats, new Map([...stats.keys()].map((role) => [role, 0.5])));
    return foundation(weights, inputRms({ get: () => pooled.get(inputNorm) }));
  }
  const roles = Object.fromEntries([...stats].map(([role, of]) => [role, { weight: 0.5, norms: inputRms(of) }]));
  const input = inputOf(weights, roles, scorer === "magnitude" ? 0 : 1);
  return fuser.fuse({ ...input, selection: selections[scorer] as Selection }).scores;
}

function lines(mask: Uint8Array): string[] {
  return Array.from({ length: rows }, (_, i) => mask.subarray(i * cols, (i + 1) * cols).join(""));
}
