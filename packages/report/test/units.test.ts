import { expect, test } from "vitest";
import { counted, grouped, humanBytes, humanCount, humanDuration, humanFlops, percent, shellQuoted } from "../src/units.ts";

test("bytes, counts and operations are scaled to the unit that keeps them readable", () => {
  expect([0, 812, 1023, 1024, 1024 ** 2 - 1, 269_060_552, 3 * 1024 ** 4].map(humanBytes)).toEqual([
    "0 B",
    "812 B",
    "1023 B",
    "1.0 KiB",
    "1.0 MiB",
    "256.6 MiB",
    "3.0 TiB",
  ]);
  expect([7, 67_200, 134_515_008].map(humanCount)).toEqual(["7", "67.2 K", "134.5 M"]);
  expect(humanFlops(3.21e12)).toBe("3.2 TFLOP");
});

test("durations have at most two units", () => {
  expect([0.04, 9.94, 9.96, 59.4, 59.6, 80, 3599.6, 7500].map(humanDuration)).toEqual([
    "0.0 s",
    "9.9 s",
    "10 s",
    "59 s",
    "1 min 0 s",
    "1 min 20 s",
    "1 h 0 min",
    "2 h 5 min",
  ]);
});

test("numbers, shares and nouns", () => {
  expect(grouped(32_768)).toBe("32,768");
  expect(percent(0.5)).toBe("50.0 %");
  expect([counted(1, "block"), counted(2000, "block")]).toEqual(["1 block", "2,000 blocks"]);
});

test("an argument is quoted where a shell would read it otherwise", () => {
  expect(["out/a-1", "my model", "it's"].map(shellQuoted)).toEqual(["out/a-1", "'my model'", "'it'\\''s'"]);
});
