import { describeScorer } from "@secateur/kit/testing";
import { markLowest } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import byDefault, { magnitude, magnitudeScore } from "../src/index.ts";

describeScorer({ describe, it }, magnitude);
describeScorer({ describe, it }, magnitude, { options: { exact: "false" } });

describe("magnitudeScore", () => {
  it("is the absolute value, and leaves the weights alone", () => {
    const weights = Float32Array.of(-1.5, 0, -0, 2, 1e-45);
    expect([...magnitudeScore(weights)]).toEqual([1.5, 0, 0, 2, 1.401298464324817e-45]);
    expect([...weights]).toEqual([-1.5, 0, -0, 2, 1.401298464324817e-45]);
  });

  it("does what the README's example says", () => {
    const weights = Float32Array.of(0.4, -0.1, 0.2, -0.9);
    const mask = new Uint8Array(4);
    markLowest(magnitudeScore(weights), 2, mask, new Float32Array(4));
    expect([...mask]).toEqual([1, 0, 0, 1]);
  });
});

describe("options", () => {
  it.each([
    [{}, "exact"],
    [{ exact: true }, "exact"],
    [{ exact: "true" }, "exact"],
    [{ exact: "1" }, "exact"],
    [{ exact: false }, "threshold"],
    [{ exact: "false" }, "threshold"],
    [{ exact: "0" }, "threshold"],
  ])("%j selects by the rule %s", async (given, rule) => {
    const result = await magnitude.options["~standard"].validate(given);
    if (result.issues) throw new Error(result.issues[0]?.message);
    expect(magnitude.create(result.value).selection).toEqual({ group: "matrix", rule });
  });

  it.each([
    [{ exact: "maybe" }, "Invalid input: expected boolean, received string"],
    [{ exact: "" }, "Invalid input: expected boolean, received string"],
    [{ exact: null }, "Invalid input: expected boolean, received null"],
    [{ exact: 1 }, "Invalid input: expected boolean, received number"],
    [{ exakt: true }, 'Unrecognized key: "exakt"'],
    ["exact", "Invalid input: expected object, received string"],
  ])("%j is refused: %s", async (given, message) => {
    const result = await magnitude.options["~standard"].validate(given);
    expect(result.issues?.map((issue) => issue.message)).toEqual([message]);
  });

  it("is the package's default export", () => {
    expect(byDefault).toBe(magnitude);
  });
});
