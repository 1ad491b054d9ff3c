export { default, type RiaOptions, ria } from "./ria.ts";
export { riaScore } from "./score.ts";
