export { default, type ObdOptions, obd, obdScore } from "./obd.ts";
