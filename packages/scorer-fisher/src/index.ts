export { type FisherAllocatorOptions, fisherAllocator } from "./allocator.ts";
export { default, type FisherOptions, fisher, fisherScore } from "./fisher.ts";
