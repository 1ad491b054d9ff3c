export { type FisherAllocatorOptions, fisherAllocator } from "./allocator.ts";
export { default, type FisherOptions, fisher } from "./fisher.ts";
export { fisherScore } from "./score.ts";
