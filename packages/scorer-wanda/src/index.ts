export { default, type WandaOptions, wanda, wandaScore } from "./wanda.ts";
