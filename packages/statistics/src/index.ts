export { createStatistics, type OpenStatistics, openStatistics, type StatisticsSink, type Sums } from "./file.ts";
export { orderRoles, type Shard, type StatisticsHeader } from "./header.ts";
export { type Entry, type Layout, layoutSize, type SumShapes } from "./layout.ts";
export { type MergeOptions, mergeStatistics } from "./merge.ts";
