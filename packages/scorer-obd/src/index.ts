export { default, type ObdOptions, obd } from "./obd.ts";
export { obdScore } from "./score.ts";
