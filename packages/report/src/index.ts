export { compareReport } from "./compare-report.ts";
export { pruneReport } from "./prune-report.ts";
export { reportOf } from "./report-of.ts";
