export { default, type WandaPlusOptions, wandaPlus, wandaPlusScore } from "./wanda-plus.ts";
