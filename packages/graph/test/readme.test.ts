import { expect, it } from "vitest";
import { costOf, expandProgram, gradientProgram, programBuilder } from "../src/index.ts";

it("the example of the README says what comes out", () => {
  const b = programBuilder({ hidden: 64, ffn: 256 });
  const x = b.input("x", ["batch", "tokens", "hidden"]);
  const normed = b.rmsNorm(x, b.weight("norm", ["hidden"]), 1e-5);
  const gate = b.silu(b.linear(normed, b.weight("gate", ["ffn", "hidden"])));
  const up = b.linear(normed, b.weight("up", ["ffn", "hidden"]));
  const down = b.linear(b.mul(gate, up), b.weight("down", ["hidden", "ffn"]));
  const program = b.build({ y: b.add(x, down) });

  expect(program.taps.map((tap) => tap.linears.map(({ weight }) => weight))).toEqual([["gate", "up"], ["down"]]);
  expect(costOf(program, { batch: 4, tokens: 512 }).flops).toBe(204603392);
  expect(new Set(expandProgram(program, (kind) => kind === "linear").ops.map(({ kind }) => kind))).not.toContain("rmsNorm");
  expect(Object.keys(gradientProgram(program, ["y"], ["x"]).outputs)).toEqual(["gradient:x"]);
  expect(gradientProgram(program, ["y"], ["x"]).inputs.map(({ name }) => name)).toEqual(["x", "gradient:y"]);
});
