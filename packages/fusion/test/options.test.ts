import { describe, expect, it } from "vitest";
import { fusers, mixtureFuser, sharedExclusiveFuser } from "../src/index.ts";

const DEFAULTS = { level: "geometric", tau: 0.1, kappa: 4, boost: 0, partition: "inputs" };
const shared = sharedExclusiveFuser.options["~standard"];

describe("options", () => {
  it.each([
    [{}, {}],
    [
      { tau: 0.25, level: "median" },
      { tau: 0.25, level: "median" },
    ],
    [
      { tau: "0.25", boost: "1e-1", kappa: " 2. " },
      { tau: 0.25, boost: 0.1, kappa: 2 },
    ],
    [{ tau: ".5" }, { tau: 0.5 }],
  ])("%j is understood", async (given, wanted) => expect(await shared.validate(given)).toEqual({ value: { ...DEFAULTS, ...wanted } }));

  it.each([
    [{ tau: "" }, "Invalid input: expected number, received string"],
    [{ tau: " " }, "Invalid input: expected number, received string"],
    [{ tau: null }, "Invalid input: expected number, received null"],
    [{ tau: "0x1" }, "Invalid input: expected number, received string"],
    [{ tau: "0.1px" }, "Invalid input: expected number, received string"],
    [{ tau: [0.1] }, "Invalid input: expected number, received array"],
    [{ tau: true }, "Invalid input: expected number, received boolean"],
    [{ tau: Number.NaN }, "Invalid input: expected number, received NaN"],
    [{ kappa: "1e999" }, "Invalid input: expected number, received Infinity"],
    [{ tau: -0.1 }, "Too small: expected number to be >=0"],
    [{ tau: "1.5" }, "Too big: expected number to be <=1"],
    [{ boost: -1 }, "Too small: expected number to be >=0"],
    [{ kappa: 0.5 }, "Too small: expected number to be >=1"],
    [{ level: "mean" }, 'Invalid option: expected one of "geometric"|"median"'],
    [{ Tau: 0.1 }, 'Unrecognized key: "Tau"'],
  ])("%j is refused: %s", async (given, message) => {
    expect((await shared.validate(given)).issues?.map((issue) => issue.message)).toEqual([message]);
  });

  it.each([
    [true, true],
    ["true", true],
    ["1", true],
    [false, false],
    ["false", false],
    ["0", false],
  ])("normalize: %j is %j", async (normalize, wanted) => {
    expect(await mixtureFuser.options["~standard"].validate({ normalize })).toEqual({ value: { normalize: wanted } });
  });

  it("describe themselves", () => {
    for (const { options } of fusers) {
      const schema = (options.toJSONSchema?.({ io: "input" }) ?? {}) as { readonly properties?: Record<string, { description?: string }> };
      for (const property of Object.values(schema.properties ?? {})) expect(property.description).toMatch(/^[a-z]/);
    }
    expect(fusers.map(({ name }) => name)).toEqual(["shared-exclusive", "max", "mixture", "sum", "geometric", "rank", "general", "task"]);
  });
});
