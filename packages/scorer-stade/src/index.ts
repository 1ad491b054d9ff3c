export { default, type StadeOptions, stade, stadeScore, standardDeviations } from "./stade.ts";
