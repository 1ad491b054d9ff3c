import { pooledLoss } from "@secateur/evaluate";
import type { Comparison } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import { compareReport } from "../src/index.ts";
import { distanceText, figuresOf, percent, plusMinus } from "../src/text.ts";
import { comparisonOf } from "./manifests.ts";
import { markTitles, parsePage } from "./parse-page.ts";

describe("the numbers of a page are those of its JSON", () => {
  const comparison = comparisonOf({ tasks: ["math", "code"] });
  const page = parsePage(compareReport(comparison));
  const { rows } = page.data as Comparison;
  const loss = (row: Comparison["rows"][number], data: string): string => {
    const { value, standardError } = pooledLoss(row.metrics[data]?.losses ?? []);
    return plusMinus(value, standardError);
  };

  it("holds the comparison, but for what pruning did to each layer", () => {
    const whole = JSON.parse(JSON.stringify(comparison)) as Comparison;
    expect(page.data).toEqual({ ...whole, rows: whole.rows.map(({ layers: _layers, ...row }) => row) });
  });

  it("in the table of results", () => {
    const figures = (row: Comparison["rows"][number], data: string): string[] => {
      const evaluation = row.metrics[data];
      return evaluation ? figuresOf(evaluation).map(([, , text]) => text) : [];
    };
    const past = (row: Comparison["rows"][number], data: string): string => {
      const distance = row.frontier?.[data];
      return distance ? `${distanceText(distance)}${distance.beyond ? " *" : ""}` : "";
    };
    expect(page.tables.get("results")).toEqual([
      ["pruned by", "zeros", "general ppl", "math ppl", "math exact", "math past mixtures", "code ppl", "code exact", "code past mixtures"],
      ...rows.map((row) => [
        row.name,
        row.kind === "dense" ? "0.0 %" : "50.0 %",
        ...figures(row, "general"),
        ...["math", "code"].flatMap((data) => [...figures(row, data), past(row, data)]),
      ]),
    ]);
    expect(page.text).toContain("Beyond the mixtures: max on math, max on code.");
  });

  it("in the table of losses, and in charts, drawn twice", () => {
    expect(page.tables.get("losses")?.slice(1)).toEqual(
      rows.map((row) => [row.name, ...["general", "math", "code"].map((data) => loss(row, data))]),
    );
    for (const [i, task] of ["math", "code"].entries()) {
      const { wide, narrow } = markTitles(page, `trade-off-${i}`);
      expect(narrow).toEqual(wide);
      const titles = rows.map((row) => `${row.name}: general ${loss(row, "general")}, ${task} ${loss(row, task)}`);
      for (const title of wide.slice(1)) expect(titles).toContain(title);
      for (const name of ["general", `${task} only`, "mixture 0.25", "mixture 0.75", "shared-exclusive", "max"])
        expect(wide.some((title) => title.startsWith(`${name}: `))).toBe(true);
      expect(wide.some((title) => title.startsWith("dense"))).toBe(false);
    }
  });

  it("of the layers: what several ways did alike is there once", () => {
    const rules = rows.filter(({ kind }) => kind === "rule");
    const others = rows.filter(({ kind }) => kind === "role" || kind === "mixture");
    const cells = (label: string): readonly (readonly string[])[] => page.tables.get(label)?.slice(1) ?? [];
    for (const group of [others, rules]) {
      const [first] = comparison.rows.filter(({ name }) => name === group[0]?.name);
      const shares = first?.layers.map(({ zeros, shape }) => percent(zeros / (shape[0] * shape[1]))) ?? [];
      expect(cells(`zeros: ${group.map(({ name }) => name).join(", ")}`).flatMap(([, ...row]) => row)).toEqual(shares);
    }
    const parted = comparison.rows.find(({ name }) => name === "shared-exclusive")?.layers ?? [];
    const shared = parted.map(({ channels, shape }) => percent((channels?.shared ?? 0) / shape[1]));
    expect(cells("shared: shared-exclusive").flatMap(([, ...row]) => row)).toEqual(shared);
    expect([...page.tables.keys()].filter((label) => label.startsWith("shared: "))).toEqual(["shared: shared-exclusive"]);
    expect(cells("general and math").flatMap(([, ...row]) => row)).toEqual(
      parted.map(({ roles }) => roles?.overlap.find(({ roles: [, other] }) => other === "math")?.jaccard.toFixed(3)),
    );
    expect(page.text).toContain("Scores of the roles");
    const ids = [...compareReport(comparison).matchAll(/ id="([^"]*)"/g)].map(([, id]) => id);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it("leave out what no way has", () => {
    const bare = { ...comparison, rows: comparison.rows.filter(({ kind }) => kind !== "rule") };
    const { text, tables } = parsePage(compareReport(bare));
    expect(text).toContain("Sparsity by layer");
    for (const heading of ["Shared and exclusive", "Overlap of the roles", "Scores of the roles"]) expect(text).not.toContain(heading);
    expect(parsePage(compareReport({ ...comparison, rows: comparison.rows.slice(0, 1) })).text).not.toContain("Sparsity by layer");
    expect(tables.has("results")).toBe(true);
  });

  it("of the data", () => {
    expect(page.tables.get("what models were measured on")?.slice(1)).toEqual([
      ["general", "12", "general.eval.jsonl (held out of the calibration data)", "token-ppl@64 of general"],
      ["math", "12", "math.eval.jsonl", "token-ppl@64 of math"],
      ["code", "12", "code.eval.jsonl", "token-ppl@64 of code"],
    ]);
    expect(page.tables.get("calibration data")?.slice(1)).toEqual([
      ["general", "8", "1,024", "general.jsonl"],
      ["math", "9", "1,024", "math.jsonl"],
      ["code", "10", "1,024", "code.jsonl"],
    ]);
    expect(page.tables.get("what each model read")?.[2]).toEqual(["math only", "general", "1,024", "0.0 %", "100.0 %", "0.0 %"]);
    for (const hash of ["sha256:00aa", "sha256:r2", "sha256:e2"]) expect(page.text).toContain(hash);
  });
});

describe("a page", () => {
  it("is the same for the same comparison", () => {
    expect(compareReport(comparisonOf())).toBe(compareReport(comparisonOf()));
  });

  it.each<[what: string, comparison: Comparison, holds: readonly string[]]>([
    ["no rule", comparisonOf({ rules: [] }), ["No rule lies beyond the mixtures"]],
    ["no rows", { ...comparisonOf(), rows: [] }, ["Nothing was measured."]],
    ["no metrics", { ...comparisonOf(), rows: comparisonOf().rows.map((row) => ({ ...row, metrics: {} })) }, ["shared-exclusive"]],
    ["a pattern", comparisonOf({ recipe: { sparsity: undefined, pattern: { keep: 2, of: 4 } } }), ["--pattern 2:4"]],
    [
      "losses that are no numbers",
      {
        ...comparisonOf(),
        rows: comparisonOf().rows.map((row) => ({
          ...row,
          metrics: Object.fromEntries(
            Object.entries(row.metrics).map(([name, one]) => [name, { ...one, losses: [{ loss: Number.NaN, tokens: 4 }] }]),
          ),
        })),
      },
      ["Results"],
    ],
  ])("tells of %s", (_, comparison, holds) => {
    const { text } = parsePage(compareReport(comparison));
    for (const one of holds) expect(text).toContain(one);
  });

  it("leaves out what another task alone chose, where that is far from the frontier, and says so", () => {
    const comparison = comparisonOf({ tasks: ["math", "code"] });
    const far = comparison.rows.map((row) => {
      if (row.name !== "code only") return row;
      const lost = Object.entries(row.metrics).map(([name, one]) => [
        name,
        { ...one, losses: one.losses.map((loss) => ({ ...loss, loss: 900 })) },
      ]);
      return { ...row, metrics: Object.fromEntries(lost) };
    });
    const page = parsePage(compareReport({ ...comparison, rows: far }));
    expect(markTitles(page, "trade-off-0").wide.some((title) => title.startsWith("code only"))).toBe(false);
    expect(page.text).toContain("Not drawn, but in the table: dense, code only.");
  });
});
