export { type OnnxOptions, toOnnx } from "./model.ts";
