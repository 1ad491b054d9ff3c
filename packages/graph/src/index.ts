export { bindAxes } from "./bind.ts";
export { OP_KINDS, opDefinition, type ProgramBuilder, programBuilder } from "./builder.ts";
export { type Cost, costOf } from "./cost.ts";
export { type Axes, type Dim, GraphError, resolveDim, resolveShape, simplify } from "./dims.ts";
export { expandProgram } from "./expand.ts";
export { instrument, type Reduction, type TapRequest, TOKEN_WEIGHTS, tapOutput } from "./instrument.ts";
export type { OpDefinition } from "./op-table.ts";
export { keepOutputs } from "./outputs.ts";
export { type Attributes, type Op, type Program, type Tap, type Value, type ValueType, valueNamed, type Weight } from "./program.ts";
