import { programBuilder } from "@secateur/graph";
import type { Backend } from "@secateur/kit";
import { describeBackend } from "@secateur/kit/testing";
import { f32, tensor } from "@secateur/tensor";
import { describe, expect, it } from "vitest";
import { createReferenceBackend, reference } from "../src/index.ts";

const make = async (): Promise<Backend> => createReferenceBackend();

describeBackend({ describe, it }, "reference", make);
describeBackend({ describe, it }, "reference in primitives", async () => createReferenceBackend({ expand: true }), { reference: make });

describe("reference", () => {
  it("runs the example of the README", async () => {
    const b = programBuilder({ hidden: 3 });
    const x = b.input("x", ["tokens", "hidden"]);
    const program = b.build({ y: b.silu(b.linear(x, b.weight("w", [2, "hidden"]))) });

    const backend = createReferenceBackend();
    const executable = await backend.compile(program);
    const { y } = await backend.run(executable, {
      x: backend.upload(f32([1, 3], Float32Array.of(1, 2, 3))),
      w: backend.upload(f32([2, 3], Float32Array.of(1, 0, 0, 0, 0, 1))),
    });
    const { shape, data } = await backend.download(y ?? expect.fail("there is no y"));
    expect(shape).toEqual([1, 2]);
    expect(Array.from(data as Float32Array, (value) => value.toFixed(4))).toEqual(["0.7311", "2.8577"]);
  });

  it("is a plugin without options", async () => {
    expect(reference).toMatchObject({ kind: "backend", name: "reference" });
    expect((await reference.create({})).description).toMatchObject({ engine: "reference", device: "cpu", precision: "f32" });
    expect(await reference.options["~standard"].validate({})).toEqual({ value: {} });
    const { issues } = await reference.options["~standard"].validate({ threads: 2 });
    expect(issues?.map(({ message }) => message)).toEqual(['Unrecognized key: "threads"']);
  });

  it("copies what is uploaded and what is downloaded", async () => {
    const backend = createReferenceBackend();
    const host = f32([2], Float32Array.of(1, 2));
    const there = backend.upload(host);
    host.data[0] = 9;
    const back = await backend.download(there);
    back.data[1] = 9;
    expect((await backend.download(there)).data).toEqual(Float32Array.of(1, 2));
  });

  it("writes an output over the input that it was computed from", async () => {
    const b = programBuilder({});
    const x = b.input("x", [2, 2]);
    const backend = createReferenceBackend();
    const there = backend.upload(f32([2, 2], Float32Array.of(1, 2, 3, 4)));
    await backend.run(await backend.compile(b.build({ y: b.transpose(x, [1, 0]) })), { x: there }, { y: there });
    expect((await backend.download(there)).data).toEqual(Float32Array.of(1, 3, 2, 4));
  });

  it("gives outputs that are inputs or the same value twice as tensors of their own", async () => {
    const b = programBuilder({});
    const x = b.input("x", [2]);
    const y = b.exp(x);
    const backend = createReferenceBackend();
    const there = backend.upload(f32([2], Float32Array.of(0, 0)));
    const outputs = await backend.run(await backend.compile(b.build({ x, y, again: y })), { x: there });
    backend.release(there);
    if (outputs.y) backend.release(outputs.y);
    for (const [name, want] of [["x", 0] as const, ["again", 1] as const]) {
      expect((await backend.download(outputs[name] ?? expect.fail(`there is no ${name}`))).data).toEqual(Float32Array.of(want, want));
    }
  });

  it("multiplies F32 matrices only", async () => {
    const backend = createReferenceBackend();
    const matrix = backend.upload(f32([2, 2]));
    const message = (found: string) => `${found}, wanted an F32 matrix`;
    await expect(backend.matmul(backend.upload(f32([4])), matrix)).rejects.toThrow(message("a is F32 of shape [4]"));
    await expect(backend.matmul(matrix, backend.upload(tensor("I32", [2, 2])))).rejects.toThrow(message("b is I32 of shape [2, 2]"));
    await expect(backend.matmul(matrix, backend.upload(f32([3, 2])))).rejects.toThrow("a (2, 2) · b (3, 2): the inner sizes differ");
  });
});
