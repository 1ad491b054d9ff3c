export { inverseUpperFactor, type Product } from "./cholesky.ts";
export { type Factor, factorHessian } from "./hessian.ts";
export { productOf } from "./product.ts";
export { type SolveInput, solveColumns } from "./solve.ts";
export { default, type SparseGptOptions, sparsegpt } from "./sparsegpt.ts";
