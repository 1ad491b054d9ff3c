import { readFileSync } from "node:fs";
import { join } from "node:path";
import { safetensorsFiles } from "@secateur/format-safetensors";
import { inputNorm, inputRms } from "@secateur/kit";
import { expect, it } from "vitest";
import { mergeStatistics, openStatistics } from "../src/index.ts";
import { newFolder, rowsFrom, sumsOf, writeFile } from "./support.ts";

it("does what the README's example says", async () => {
  const folder = await newFolder();
  const [monday, tuesday, both] = ["monday", "tuesday", "both"].map((name) => join(folder, `${name}.safetensors`)) as [
    string,
    string,
    string,
  ];
  const [first, second] = [rowsFrom(1, 4), rowsFrom(2, 5)];
  await writeFile(monday, { general: first });
  await writeFile(tuesday, { general: second });
  await mergeStatistics(safetensorsFiles, [monday, tuesday], both);
  const statistics = await openStatistics(safetensorsFiles, both);
  expect(statistics.header.roles.map(({ role, shards }) => [role, shards.length])).toEqual([["general", 2]]);
  const stats = await statistics.load("down.weight", "general", [inputNorm]);
  const whole = sumsOf(inputNorm, [...first, ...second]);
  const [rms] = inputRms(stats);
  expect(rms).toBeCloseTo(Math.sqrt((whole.squares?.[0] as number) / (whole.weight?.[0] as number)), 12);
  await statistics.close();
  const readme = readFileSync(join(import.meta.dirname, "../README.md"), "utf8");
  for (const call of ["mergeStatistics(safetensorsFiles, [", "openStatistics(safetensorsFiles, ", ".load(", "inputRms(stats)"])
    expect(readme).toContain(call);
});
