import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir, totalmem } from "node:os";

/** What a run meets on this machine. */
export interface Machine {
  /** `linux x64` and such. */
  readonly platform: string;
  readonly processor: string;
  readonly cores: number;
  /** What its instructions for many numbers at a time are called; empty where that is not known. */
  readonly simd: readonly string[];
  /** Of the machine, or what this process may have of it. */
  readonly memoryBytes: number;
  readonly freeMemoryBytes: number;
  /** Free in the present folder, where outputs go unless a path says otherwise, and in that of temporary files. */
  readonly disks: readonly { readonly folder: string; readonly freeBytes: number }[];
}

/** Looks at this machine. */
export async function lookAtMachine(): Promise<Machine> {
  const allowed = process.constrainedMemory();
  return {
    platform: `${process.platform} ${process.arch}`,
    processor: cpus()[0]?.model.trim() ?? "",
    cores: availableParallelism(),
    simd: simdOf(process.platform, process.arch, flagsHere()),
    memoryBytes: allowed > 0 && allowed < totalmem() ? allowed : totalmem(),
    freeMemoryBytes: process.availableMemory(),
    disks: await Promise.all([process.cwd(), tmpdir()].map(async (folder) => ({ folder, freeBytes: await freeBytes(folder) }))),
  };
}

// A flag of Linux's list of a processor's features → what people call it, from the least to the most.
const NAMES: readonly (readonly [flag: string, name: string])[] = [
  ["asimd", "NEON"],
  ["sve", "SVE"],
  ["avx", "AVX"],
  ["avx2", "AVX2"],
  ["avx512f", "AVX-512"],
  ["avx512_vnni", "AVX-512 VNNI"],
  ["avx512_bf16", "AVX-512 BF16"],
  ["amx_tile", "AMX"],
];

/** The names of what a processor computes many numbers at a time with, by the flags that Linux lists of it. */
export function simdOf(platform: string, arch: string, flags: ReadonlySet<string>): readonly string[] {
  if (platform === "darwin" && arch === "arm64") return ["NEON"]; // every one of them has it
  return NAMES.filter(([flag]) => flags.has(flag)).map(([, name]) => name);
}

function flagsHere(): ReadonlySet<string> {
  if (process.platform !== "linux") return new Set();
  const [, flags = ""] = /^(?:flags|Features)\s*:(.*)$/m.exec(readFileSync("/proc/cpuinfo", "utf8")) ?? [];
  return new Set(flags.trim().split(/\s+/));
}

async function freeBytes(folder: string): Promise<number> {
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}
