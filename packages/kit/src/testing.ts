export { type DescribeAllocatorOptions, describeAllocator } from "./testing/describe-allocator.ts";
export { type DescribeBackendOptions, describeBackend } from "./testing/describe-backend.ts";
export { type DescribeFormatOptions, describeFormat } from "./testing/describe-format.ts";
export { type DescribeFuserOptions, describeFuser, type FuserLaw } from "./testing/describe-fuser.ts";
export { type DescribeLoaderOptions, describeLoader } from "./testing/describe-loader.ts";
export { type DescribeScorerOptions, describeScorer } from "./testing/describe-scorer.ts";
export { type DescribeSolverOptions, describeSolver } from "./testing/describe-solver.ts";
export { layerOf, type MakeStats, randomSample, type Sample, statsOf } from "./testing/sample.ts";
export type { TestApi } from "./testing/test-api.ts";
