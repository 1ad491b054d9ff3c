import { inputNorm, inputRms, type Linear, type RoleStats, type Scorer, SecateurError } from "@secateur/kit";
import { parseOptions } from "@secateur/kit/node";
import { describeScorer, layerOf, randomSample, type Sample, statsOf } from "@secateur/kit/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import byDefault, { type StadeOptions, stade, stadeScore, standardDeviations } from "../src/index.ts";

describeScorer({ describe, it }, stade);
describe("variant stade-w", () => describeScorer({ describe, it }, stade, { options: { variant: "stade-w" } }));

const seeds = fc.integer();
const sizes = fc.integer({ min: 1, max: 6 });

describe("standardDeviations", () => {
  it("are the roots of the mean squared distances from the mean, token weights counted", () => {
    fc.assert(
      fc.property(seeds, sizes, fc.integer({ min: -8, max: 8 }), (seed, cols, offset) => {
        const sample = shifted(randomSample(seed, 1, cols), offset);
        const wanted = twoPasses(sample);
        deviationsOf(sample).forEach((deviation, j) => {
          // The difference loses the digits of the mean square: up to 10⁴ times the variance here, and sums of 15 tokens are right to 10⁻¹⁵.
          expect(Math.abs(deviation / (wanted[j] as number) - 1)).toBeLessThan(1e-10);
        });
      }),
    );
  });

  it("are 0 for a channel that is constant, and no more than the root of its sums' error where that is not exact", () => {
    expect([...standardDeviations(Float64Array.of(36), Float64Array.of(12), 4)]).toEqual([0]);
    fc.assert(
      fc.property(seeds, fc.float({ noNaN: true, min: -1e3, max: 1e3 }), (seed, constant) => {
        const sample = randomSample(seed, 1, 3);
        const [deviation] = deviationsOf({ ...sample, inputs: sample.inputs.map((x, i) => (i % 3 === 0 ? constant : x)) });
        expect(deviation).toBeLessThanOrEqual(1e-7 * Math.abs(constant)); // the root of 15 roundings of 10⁻¹⁶
      }),
    );
  });

  it("are RMS norms where channels are centred, and below them elsewhere", () => {
    fc.assert(
      fc.property(seeds, sizes, (seed, cols) => {
        const stats = statsOf(randomSample(seed, 1, cols), [inputNorm]);
        const { squares, sums, weight } = sumsOf(stats);
        const norms = inputRms(stats);
        expect(standardDeviations(squares, new Float64Array(cols), weight)).toEqual(norms);
        standardDeviations(squares, sums, weight).forEach((deviation, j) => {
          expect(deviation).toBeLessThanOrEqual(norms[j] as number);
        });
      }),
    );
  });

  it("of sums in single precision have variances that are off by at most 3 roundings of the mean square", () => {
    const rounding = 2 ** -24;
    fc.assert(
      fc.property(seeds, fc.integer({ min: 0, max: 20 }), (seed, power) => {
        const sample = shifted(randomSample(seed, 1, 4), 2 ** power);
        const { squares, sums, weight } = sumsOf(statsOf(sample, [inputNorm]));
        const wanted = twoPasses(sample);
        standardDeviations(squares.map(Math.fround), sums.map(Math.fround), weight).forEach((deviation, j) => {
          const off = Math.abs(deviation ** 2 - (wanted[j] as number) ** 2);
          // A thousandth more, for what is of second order and for the roundings of double precision.
          expect(off).toBeLessThanOrEqual((3.003 * rounding * (squares[j] as number)) / weight);
        });
      }),
    );
  });

  it("refuse sums and squares of different channels", () => {
    expect(() => standardDeviations(new Float64Array(3), new Float64Array(2), 1)).toThrow(
      "wanted as many sums as squares, but 2 and 3 were given",
    );
  });
});

describe("stadeScore", () => {
  it("is |W_ij|·σ[j], rounded once", () => {
    fc.assert(
      fc.property(seeds, sizes, sizes, (seed, rows, cols) => {
        const sample = randomSample(seed, rows, cols);
        const deviations = deviationsOf(sample);
        const wanted = new Float32Array(rows * cols);
        for (let i = 0; i < rows; i++) {
          for (let j = 0; j < cols; j++)
            wanted[i * cols + j] = Math.abs(sample.weights[i * cols + j] as number) * (deviations[j] as number);
        }
        expect(stadeScore(sample.weights, deviations, rows, cols)).toEqual(wanted);
      }),
    );
  });

  it("refuses sizes that do not fit", () => {
    expect(() => stadeScore(new Float32Array(5), new Float64Array(3), 2, 3)).toThrow(
      "wanted 2 × 3 weights and 3 standard deviations, but 5 and 3 were given",
    );
    expect(() => stadeScore(new Float32Array(6), new Float64Array(2), 2, 3)).toThrow(
      "wanted 2 × 3 weights and 3 standard deviations, but 6 and 2 were given",
    );
  });
});

describe("stade", () => {
  it("is the package's default export, of degree 1, and selects by row", () => {
    expect(byDefault).toBe(stade);
    const { selection, needs, degree } = made("stade");
    expect([selection, needs, degree]).toEqual([{ group: "row", rule: "exact" }, [inputNorm], undefined]);
  });

  it("does not change when constants are added to the channels", async () => {
    const sample = randomSample(1, 4, 8);
    const layer = layerOf(sample);
    const before = await scoresOf("stade", layer, statsOf(sample, [inputNorm]));
    const after = await scoresOf("stade", layer, statsOf(shifted(sample, 5), [inputNorm]));
    after.forEach((score, k) => {
      expect(score / (before[k] as number)).toBeCloseTo(1, 6); // scores are in single precision
    });
  });

  it("scores a channel that is constant lowest, however large it is", async () => {
    const sample = randomSample(2, 4, 8);
    const stats = statsOf({ ...sample, inputs: sample.inputs.map((x, i) => (i % 8 === 5 ? 1000 : x)) }, [inputNorm]);
    const scores = await scoresOf("stade", layerOf(sample), stats);
    for (let i = 0; i < 4; i++) {
      const row = [...scores.subarray(8 * i, 8 * i + 8)];
      expect(row.indexOf(Math.min(...row))).toBe(5);
    }
  });

  it("has Wanda's norms in stade-w where the hidden state is read, and standard deviations elsewhere", async () => {
    const sample = shifted(randomSample(3, 4, 8), 1);
    const stats = statsOf(sample, [inputNorm]);
    const up = layerOf(sample);
    const down: Linear = { ...up, axes: ["hidden", "ffn"], sizes: { hidden: 4, ffn: 8 } };
    const ofNorms = stadeScore(sample.weights, inputRms(stats), 4, 8);
    const ofDeviations = stadeScore(sample.weights, deviationsOf(sample), 4, 8);
    expect(ofNorms).not.toEqual(ofDeviations);
    expect(await scoresOf("stade-w", up, stats)).toEqual(ofNorms);
    expect(await scoresOf("stade-w", down, stats)).toEqual(ofDeviations);
    expect(await scoresOf("stade", up, stats)).toEqual(ofDeviations);
    expect(await scoresOf("stade", down, stats)).toEqual(ofDeviations);
  });

  it.each<[Record<string, unknown>, StadeOptions]>([
    [{}, { variant: "stade" }],
    [{ variant: "stade-w" }, { variant: "stade-w" }],
  ])("%j is understood", async (given, wanted) => {
    expect(await parseOptions(stade, given)).toEqual(wanted);
  });

  it.each([
    [{ variant: "wanda" }, 'option "variant": Invalid option: expected one of "stade"|"stade-w"'],
    [{ variants: "stade" }, 'no option is called "variants"; did you mean "variant"?'],
  ])("%j is refused: %s", async (given, complaint) => {
    await expect(parseOptions(stade, given)).rejects.toEqual(
      new SecateurError("usage", `scorer "stade": ${complaint}; its options are variant ("stade" | "stade-w", default "stade")`),
    );
  });

  it.each([
    ["stade", "standard deviation"],
    ["stade-w", "norm"],
  ] as const)("refuses statistics of no tokens in %s, naming the layer", async (variant, what) => {
    const stats: RoleStats = { get: () => ({ squares: new Float64Array(2), sums: new Float64Array(2), weight: new Float64Array(1) }) };
    const refusal = scoresOf(variant, layerOf(randomSample(1, 1, 2)), stats);
    await expect(refusal).rejects.toThrow(`the ${what} of input channel 0 of blocks.0.up.weight is NaN, wanted a finite number`);
    await expect(refusal).rejects.toMatchObject({ code: "numeric", where: { tensor: "blocks.0.up.weight" } });
  });
});

function made(variant: StadeOptions["variant"]): Scorer {
  return stade.create({ variant }) as Scorer; // it is no solver
}

async function scoresOf(variant: StadeOptions["variant"], layer: Linear, stats: RoleStats): Promise<Float32Array> {
  return (await made(variant).score(layer, stats, {} as never)).data; // it computes without a backend
}

/** The sample with `offset` added to its inputs. */
function shifted(sample: Sample, offset: number): Sample {
  return { ...sample, inputs: sample.inputs.map((x) => x + offset) };
}

function sumsOf(stats: RoleStats): { squares: Float64Array; sums: Float64Array; weight: number } {
  const { squares, sums, weight } = stats.get(inputNorm) as Record<"squares" | "sums" | "weight", Float64Array>;
  return { squares, sums, weight: weight[0] as number };
}

function deviationsOf(sample: Sample): Float64Array {
  const { squares, sums, weight } = sumsOf(statsOf(sample, [inputNorm]));
  return standardDeviations(squares, sums, weight);
}

/** The standard deviations by their definition: the mean first, and then the squared distances from it. */
function twoPasses({ inputs, tokenWeights, cols }: Sample): Float64Array {
  const mean = (of: (token: number) => number): number => {
    const sum = tokenWeights.reduce((part, weight, t) => part + weight * of(t), 0);
    return sum / tokenWeights.reduce((part, weight) => part + weight, 0);
  };
  return Float64Array.from({ length: cols }, (_, j) => {
    const centre = mean((t) => inputs[t * cols + j] as number);
    return Math.sqrt(mean((t) => ((inputs[t * cols + j] as number) - centre) ** 2));
  });
}
