import { seededRandom } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { type DocumentLoss, distanceToFrontier, type TradeOff } from "../src/index.ts";

// Documents differ much, and models on one document little, as they do in earnest.
const difficulty = [2.1, 3.9, 2.8, 3.4, 1.7, 4.4];

/** A model that loses so much more than the documents' difficulty; `jitter` says how its documents differ from that. */
function model(general: number, task: number, jitter: (document: number) => number = () => 0): TradeOff {
  const of = (offset: number): DocumentLoss[] => difficulty.map((base, i) => ({ loss: 10 * (base + offset + jitter(i)), tokens: 10 }));
  return { general: of(general), task: of(task) };
}

const curve = [model(0, 3), model(1, 1), model(3, 0)] as const;

describe("the distance to a frontier", () => {
  it.each<[what: string, general: number, task: number, along: string, value: number]>([
    ["on a point of it", 1, 1, "task", 0],
    ["on a line between two points", 2, 0.5, "task", 0],
    ["below that line", 2, 0.2, "task", -0.3],
    ["above it", 0.5, 2.4, "task", 0.4],
    ["past its end, where the task loses no less", 5, 0, "task", 0],
    ["past its end", 5, -0.1, "task", -0.1],
    ["before its beginning", -0.5, 9, "general", -0.5],
  ])("of a model %s", (_, general, task, along, value) => {
    const found = distanceToFrontier(model(general, task), [...curve]);
    expect(found.along).toBe(along);
    expect(found.value).toBeCloseTo(value, 10);
    expect(found.standardError).toBeCloseTo(0, 10); // the models differ by the same on every document
    if (Math.abs(value) > 1e-9) expect(found.beyond).toBe(value < 0);
  });

  it("does not count models that another of the frontier beats", () => {
    const beaten = [...curve, model(1.5, 5), model(3, 0.5)] as unknown as [TradeOff, ...TradeOff[]];
    expect(distanceToFrontier(model(2, 0.2), beaten).value).toBeCloseTo(-0.3, 10);
  });

  it("of a single model is along the task or along general text", () => {
    expect(distanceToFrontier(model(1, 0), [model(1, 1)]).value).toBeCloseTo(-1, 10);
    expect(distanceToFrontier(model(0, 4), [model(1, 1)])).toMatchObject({ along: "general", beyond: true });
  });

  it("is beyond when it is two standard errors below, and not when documents disagree", () => {
    const disagree = (i: number): number => (i % 2 === 0 ? 1 : -1);
    expect(distanceToFrontier(model(2, 0.2, disagree), [...curve]).beyond).toBe(false);
    expect(
      distanceToFrontier(
        model(2, 0.2, (i) => disagree(i) / 50),
        [...curve],
      ).beyond,
    ).toBe(true);
  });

  it("of a model on the frontier is beyond two standard errors about once in twenty", () => {
    const random = seededRandom(3);
    const normal = (): number => Array.from({ length: 12 }, () => random.next()).reduce((a, b) => a + b, -6);
    const noisy = (of: readonly [number, number]): TradeOff => {
      const noise = (offset: number): DocumentLoss[] =>
        Array.from({ length: 60 }, (_, i) => ({ loss: 5 * ((i % 7) + offset + 0.2 * normal()), tokens: 5 }));
      return { general: noise(of[0]), task: noise(of[1]) };
    };
    let outside = 0;
    for (let run = 0; run < 1000; run++) {
      const { value, standardError } = distanceToFrontier(noisy([2, 0.5]), [noisy([0, 3]), noisy([1, 1]), noisy([3, 0])]);
      if (Math.abs(value) > 2 * standardError) outside++;
    }
    expect(outside).toBeGreaterThan(20);
    expect(outside).toBeLessThan(80);
  });
});
