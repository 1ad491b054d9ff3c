import { stat } from "node:fs/promises";
import { mergeStatistics, openStatistics } from "@secateur/statistics";
import { builtIns } from "../wiring.ts";
import type { JobContext, MergeRequest, StatisticsInspection } from "./messages.ts";

/** Merges statistics files. */
export async function runMerge({ inputs, out, force }: MergeRequest, { emit, signal }: JobContext<"merge">): Promise<StatisticsInspection> {
  const onProgress = (share: number): void => emit({ type: "share", share });
  await mergeStatistics(builtIns().statisticsFiles, inputs, out, { force, signal, onProgress });
  return inspectStatistics(out);
}

/** What a statistics file's header says. */
export async function inspectStatistics(path: string): Promise<StatisticsInspection> {
  const statistics = await openStatistics(builtIns().statisticsFiles, path);
  try {
    return { path, bytes: (await stat(path)).size, statistics: statistics.header };
  } finally {
    await statistics.close();
  }
}
