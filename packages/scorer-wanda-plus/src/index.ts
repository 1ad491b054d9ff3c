export { wandaPlusScore } from "./score.ts";
export { default, type WandaPlusOptions, wandaPlus } from "./wanda-plus.ts";
