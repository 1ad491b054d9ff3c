import { SecateurError } from "@secateur/kit";
import { describe, expect, it } from "vitest";
import { compareReport, pruneReport, reportOf } from "../src/index.ts";
import { comparisonOf, manifestOf } from "./manifests.ts";

const parsed = (value: unknown): Record<string, unknown> => JSON.parse(JSON.stringify(value));

describe("reportOf", () => {
  it("makes the page that the kind of file asks for", () => {
    expect(reportOf(parsed(manifestOf()), "a.json")).toBe(pruneReport(manifestOf()));
    expect(reportOf(parsed(comparisonOf()), "a.json")).toBe(compareReport(comparisonOf()));
  });

  it("fills in what a recipe leaves to its defaults", () => {
    expect(reportOf({ ...parsed(manifestOf()), recipe: { model: "m", sparsity: 0.5 } }, "a.json")).toContain("--scorer wanda");
  });

  it("takes keys that it does not know", () => {
    expect(reportOf({ ...parsed(manifestOf()), later: [1] }, "a.json")).toContain("<!doctype html>");
  });

  it.each<[what: string, json: unknown, message: string]>([
    ["a number", 3, "it has neither the tensors of a prune nor the rows of a comparison"],
    ["null", null, "it has neither the tensors of a prune nor the rows of a comparison"],
    ["another object", { a: 1 }, "it has neither the tensors of a prune nor the rows of a comparison"],
    ["tensors that are no list", { ...parsed(manifestOf()), tensors: {} }, "tensors: Invalid input: expected array, received object"],
    [
      "a tensor without a name",
      { ...parsed(manifestOf()), tensors: [{}] },
      "tensors.0.tensor: Invalid input: expected string, received undefined",
    ],
    [
      "a text for a number",
      { ...parsed(manifestOf()), sparsity: { zeros: "<b>", of: 1, ratio: 1 } },
      "sparsity.zeros: Invalid input: expected number, received string",
    ],
    ["no recipe", { ...parsed(manifestOf()), recipe: undefined }, "recipe: Invalid input: expected object, received undefined"],
    [
      "a recipe that is none",
      { ...parsed(manifestOf()), recipe: { model: "m", sparsity: 2 } },
      "sparsity: 2 was given, a number between 0 and 1 (both excluded) is wanted",
    ],
    [
      "a row without a kind",
      { ...parsed(comparisonOf()), rows: [{ name: "x" }] },
      'rows.0.kind: Invalid option: expected one of "dense"|"role"|"mixture"|"rule"',
    ],
    ["a comparison without its plan", { ...parsed(comparisonOf()), plan: 1 }, "plan: Invalid input: expected object, received number"],
  ])("refuses %s", (_, json, message) => {
    const make = (): string => reportOf(json, "x.json");
    expect(make).toThrow(SecateurError);
    expect(make).toThrow(`x.json is nothing to make a report of: ${message}`);
  });
});
