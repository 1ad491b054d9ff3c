import { computedText, counted, humanBytes } from "@secateur/report/text";
import type { BackendState } from "../backends.ts";
import type { Machine } from "../machine.ts";
import type { Colors } from "../terminal.ts";
import { backendsText, problemsText } from "./backends.ts";
import { table } from "./table.ts";

/** What works here. */
export interface Diagnosis {
  readonly version: string;
  readonly node: string;
  readonly machine: Machine;
  /** What computes unless flags say otherwise. */
  readonly byDefault: BackendState;
  readonly backends: readonly BackendState[];
  /** Installed plugins that cannot be loaded. */
  readonly brokenPlugins: readonly { readonly name: string; readonly problem: string }[];
}

/** All of it, and what would help at the end. */
export function diagnosisText({ version, node, machine, byDefault, backends, brokenPlugins }: Diagnosis, { bold }: Colors): string {
  const { platform, processor, cores, simd, memoryBytes, freeMemoryBytes, disks } = machine;
  const facts = table([
    ["secateur", `${version} on Node ${node}, ${platform}`],
    ["processor", [processor, counted(cores, "core"), ...simd].filter(Boolean).join(", ")],
    ["memory", `${humanBytes(freeMemoryBytes)} of ${humanBytes(memoryBytes)} free`],
    ["disk", disks.map(({ folder, freeBytes }) => `${humanBytes(freeBytes)} free in ${folder}`).join(", ")],
    ["by default", "problem" in byDefault ? `nothing computes: ${byDefault.problem}` : computedText(byDefault.description)],
  ]);
  const problems = [
    problemsText(backends),
    ...brokenPlugins
      .filter(({ name }) => !backends.some(({ backend }) => backend === name))
      .map(({ name, problem }) => `${name}: ${problem}\n`),
  ].join("");
  return `${facts}\n${backendsText(backends)}${problems && `\n${bold("What does not work, and what would help")}\n${problems}`}`;
}
