export { default, type RiaOptions, ria, riaScore } from "./ria.ts";
