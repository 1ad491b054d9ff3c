import { describe, expect, it } from "vitest";
import { seriesOf, shortened } from "../src/charts/chart.ts";

describe("shortened", () => {
  it.each([
    ["q_proj", 6, "q_proj"],
    ["down_proj", 8, "down…roj"],
    ["gate_proj", 7, "gat…roj"],
  ])("%s in %d letters is %s", (name, letters, short) => {
    expect(shortened(name, letters)).toBe(short);
    expect(short.length).toBeLessThanOrEqual(letters);
  });
});

describe("seriesOf", () => {
  it("gives each series a look of its own, up to a dozen", () => {
    const looks = seriesOf(["shared", ...Array.from({ length: 12 }, (_, i) => `role ${i}`)], "shared").map(
      ({ color, dash }) => `${color} ${dash}`,
    );
    expect(new Set(looks).size).toBe(13);
    expect(looks[0]).toBe("var(--soft) 2");
  });
});
