import type { Comparison } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import type { Job, Model } from "../src/api/types.ts";
import { sorted, tableOf } from "../src/comparison-table.ts";
import { modelNames, titleOf } from "../src/names.ts";
import { hashOf, type Route, routeOf } from "../src/router.ts";

const ID = "0190f7c2-3f63-7c4e-a1de-0242ac120002";

describe("routes", () => {
  it.each<Route>([
    { view: "new" },
    { view: "new", from: ID },
    { view: "jobs" },
    { view: "playground" },
    { view: "playground", job: ID },
    { view: "missing" },
    { view: "job", job: ID },
    { view: "report", job: ID },
    { view: "comparison", job: ID },
  ])("have an address that leads back: %j", (route) => {
    expect(routeOf(hashOf(route))).toEqual(route);
  });

  it.each(["#/jobs/../x", "#/jobs/1", `#/jobs/${ID}/x`, `#/jobs/${ID}/report/x`, "#/new/x", "#/playground/x", "#/x"])(
    "%s leads nowhere",
    (hash) => {
      expect(routeOf(hash)).toEqual({ view: "missing" });
    },
  );

  it("begin with a new job", () => {
    expect([routeOf(""), routeOf("#/")]).toEqual([{ view: "new" }, { view: "new" }]);
  });
});

describe("names", () => {
  const job = { id: ID, kind: "prune", recipe: { model: "a", sparsity: 0.5 } } as unknown as Job;
  const models: Model[] = [
    { id: "a", name: "llama" },
    { id: "b", name: ID, job: ID },
  ];

  it("say of a model that a job made what it was made of", () => {
    expect(["a", "b", "c"].map(modelNames(models, [job]))).toEqual(["llama", "llama, pruned 50.0 % (0190f7c2)", "c"]);
    expect(modelNames(models, [])("b")).toBe(ID);
  });

  it("say of a job what it does", () => {
    const nameOf = modelNames(models, [job]);
    expect(titleOf(job, nameOf)).toBe("Prune llama by 50.0 %");
    const recipe = { recipe: { model: "b", pattern: { keep: 2, of: 4 } } };
    expect(titleOf({ kind: "compare", recipe }, nameOf)).toBe("Compare ways to prune llama, pruned 50.0 % (0190f7c2) by 2:4");
  });
});

describe("the table of a comparison", () => {
  const perplexity = (value: number) => ({ metric: "perplexity", perplexity: value, standardError: 0.01, protocol: "" });
  const row = (name: string, ppl: number | undefined, rest: object = {}) => ({
    key: name,
    name,
    kind: "rule",
    sparsity: 0.5,
    metrics: ppl === undefined ? {} : { math: perplexity(ppl) },
    ...rest,
  });
  const distance = { value: -0.2, standardError: 0.05, along: "task", beyond: true };
  const rows = [row("dense", 9, { sparsity: 0 }), row("max", 100, { frontier: { math: distance } }), row("general", undefined)];
  const table = tableOf({ plan: { evaluation: [{ name: "math" }, { name: "constructor" }] }, rows } as unknown as Comparison);

  it("has figures with their errors, and marks what is beyond the mixtures", () => {
    expect(table.head).toEqual(["pruned by", "zeros", "math ppl", "math past mixtures"]);
    expect(table.rows.map(({ cells }) => cells.map(({ text }) => text))).toEqual([
      ["dense", "0.0 %", "9.000 ± 0.090", ""],
      ["max", "50.0 %", "100.0 ± 1.0", "−0.200 ± 0.050 *"],
      ["general", "50.0 %", "", ""],
    ]);
    expect(table.rows[1]?.cells[3]?.beyond).toBe(true);
  });

  it("is sorted by numbers, not by texts, and what is missing stays last", () => {
    const order = (descending: boolean) => sorted(table, { column: 2, descending }).rows.map(({ key }) => key);
    expect([order(false), order(true)]).toEqual([
      ["dense", "max", "general"],
      ["max", "dense", "general"],
    ]);
    expect(sorted(table, undefined)).toBe(table);
  });
});
