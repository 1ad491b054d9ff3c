export { wandaScore } from "./score.ts";
export { default, type WandaOptions, wanda } from "./wanda.ts";
