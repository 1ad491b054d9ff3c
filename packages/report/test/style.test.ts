import { describe, expect, it } from "vitest";
import { SERIES_COLORS, STYLE } from "../src/style.ts";

type Color = readonly [number, number, number];

/** The colours of light, dark and printed pages, by name. */
const MODES = [...STYLE.matchAll(/:root \{([^}]*)\}/g)].map(([, rules = ""]) =>
  Object.fromEntries([...rules.matchAll(/--([\w-]+): (#[0-9a-f]+)/g)].map(([, name, color]) => [name, color as string])),
);

// What the colour-blind see, in linear RGB: Machado, Oliveira and Fernandes 2009, severity 1.
const EYES: Readonly<Record<string, readonly Color[]>> = {
  most: [
    [1, 0, 0],
    [0, 1, 0],
    [0, 0, 1],
  ],
  protanopia: [
    [0.152286, 1.052583, -0.204868],
    [0.114503, 0.786281, 0.099216],
    [-0.003882, -0.048116, 1.051998],
  ],
  deuteranopia: [
    [0.367322, 0.860646, -0.227968],
    [0.280085, 0.672501, 0.047413],
    [-0.01182, 0.04294, 0.968881],
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039],
  ],
};

function linear(hex: string): Color {
  const long = hex.length === 4 ? [...hex.slice(1)].map((digit) => digit + digit).join("") : hex.slice(1);
  return [0, 2, 4].map((at) => {
    const value = Number.parseInt(long.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  }) as unknown as Color;
}

/** The contrast of two colours, as WCAG 2 defines it. */
function contrast(one: string, other: string): number {
  const luminance = (hex: string): number => {
    const [r, g, b] = linear(hex);
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b) as [number, number];
  return (high + 0.05) / (low + 0.05);
}

/** How far apart two colours look: CIE 1976. */
function difference(one: string, other: string, eye: readonly Color[]): number {
  const lab = (hex: string): Color => {
    const rgb = linear(hex);
    const [r, g, b] = eye.map((row) =>
      Math.min(
        1,
        Math.max(
          0,
          row.reduce((sum, weight, i) => sum + weight * (rgb[i] as number), 0),
        ),
      ),
    ) as unknown as Color;
    const root = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
    const x = root((0.4124 * r + 0.3576 * g + 0.1805 * b) / 0.95047);
    const y = root(0.2126 * r + 0.7152 * g + 0.0722 * b);
    const z = root((0.0193 * r + 0.1192 * g + 0.9505 * b) / 1.08883);
    return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
  };
  const [a, b] = [lab(one), lab(other)];
  return Math.hypot(...a.map((value, i) => value - (b[i] as number)));
}

describe.each([
  ["light", MODES[0]],
  ["dark", MODES[1]],
  ["printed", MODES[2]],
])("the colours of a %s page", (_, given) => {
  const colors = given ?? {};
  const of = (name: string): string => colors[name] ?? "";
  const series = Array.from({ length: SERIES_COLORS }, (_, i) => `series-${i}`);

  it("are all there", () => {
    expect(Object.keys(colors).sort()).toEqual(Object.keys(MODES[0] ?? {}).sort());
  });

  it.each(["ink", "soft", "warn", "good", "link"])("let text be read: %s", (name) => {
    for (const under of ["paper", "panel"]) expect(contrast(of(name), of(under))).toBeGreaterThan(4.5);
  });

  it.each(["heat", ...series])("stand out: %s", (name) => {
    expect(contrast(of(name), of("paper"))).toBeGreaterThan(3);
  });

  it.each(Object.entries(EYES))("of series are told apart by eyes with %s", (_, eye) => {
    for (const [i, one] of series.entries())
      for (const other of series.slice(i + 1)) expect(difference(of(one), of(other), eye)).toBeGreaterThan(20); // 2.3 is just seen side by side
  });
});
