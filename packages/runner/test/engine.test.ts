import { createReferenceBackend } from "@secateur/backend-reference";
import { inputNorm, SecateurError } from "@secateur/kit";
import { COS, rotaryTables } from "@secateur/models";
import { describe, expect, it } from "vitest";
import { collect, embed, generateGreedy, loadWeights, logitsOf, scoreSequences } from "../src/index.ts";
import { counted, counting, delegate, engineOf, failureOf, randomIds, tiny } from "./support.ts";

describe("an engine", () => {
  it("leaves nothing on the backend", async () => {
    const { backend, alive } = counted(createReferenceBackend());
    const engine = await engineOf(backend, tiny());
    const ids = [5, 9, 30].map((tokens) => randomIds(tokens, 40, tokens));
    await scoreSequences(engine, ids);
    await logitsOf(engine, ids);
    await generateGreedy(engine, ids, { maxTokens: 2, endTokens: [] });
    const { blocks } = engine.description;
    const block = blocks[0] as (typeof blocks)[number];
    const stream = await embed(engine.model, engine.description, ids.map(counting), 64);
    const weights = await loadWeights(engine, block.program, block.prefix);
    const linears = new Set(["mlp.down_proj.weight"]);
    await collect(engine, block, weights, stream, { needs: [inputNorm], linears, advance: true });
    weights.replace(
      "mlp.down_proj.weight",
      weights.tensors.get("mlp.down_proj.weight") as NonNullable<ReturnType<typeof weights.tensors.get>>,
    );
    weights.release();
    expect(alive().tensors).toBe(0);
    expect(alive().executables).toBeGreaterThan(0);
    await engine.release();
    expect(alive()).toEqual({ tensors: 0, executables: 0 });
  });

  it("leaves nothing when a run fails, wherever it does", async () => {
    const ids = [5, 9, 30].map((tokens) => randomIds(tokens, 40, tokens));
    for (let runs = 0; runs < 3; runs++) {
      const { backend, alive } = counted(createReferenceBackend(), runs);
      const engine = await engineOf(backend, tiny());
      for (const work of [() => scoreSequences(engine, ids), () => logitsOf(engine, ids)]) {
        expect(await failureOf(work)).toEqual(["backend", "the device is lost"]);
      }
      await engine.release();
      expect(alive()).toEqual({ tensors: 0, executables: 0 });
    }
  });

  it("leaves nothing when it is cancelled between two blocks", async () => {
    const { backend, alive } = counted(createReferenceBackend());
    const engine = await engineOf(backend, tiny());
    const control = new AbortController();
    const work = () => scoreSequences(engine, [randomIds(9, 40)], { signal: control.signal, onProgress: () => control.abort() });
    expect(await failureOf(work)).toEqual(["cancelled", "the run was cancelled"]);
    await engine.release();
    expect(alive()).toEqual({ tensors: 0, executables: 0 });
  });

  it("leaves nothing when weights cannot be read", async () => {
    const { backend, alive } = counted(createReferenceBackend());
    const engine = await engineOf(backend, tiny());
    const { program, prefix } = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
    const read = async (name: string) => {
      if (name.includes("down_proj")) throw new SecateurError("io", "the file has ended");
      return engine.model.read(name);
    };
    expect(await failureOf(() => loadWeights(engine, program, prefix, read))).toEqual(["io", "the file has ended"]);
    expect(alive().tensors).toBe(0);
  });

  it("compiles a program once, however often it is written, and again after a failure", async () => {
    const reference = createReferenceBackend();
    let compiled = 0;
    const backend = delegate(reference, {
      async compile(program) {
        if (compiled++ === 0) throw new SecateurError("backend", "no memory");
        return reference.compile(program);
      },
    });
    const engine = await engineOf(backend, tiny());
    const { program } = engine.description.blocks[0] as (typeof engine.description.blocks)[number];
    expect(await failureOf(() => engine.executable(program))).toEqual(["backend", "no memory"]);
    const first = await engine.executable(program);
    expect(await engine.executable(structuredClone(program))).toBe(first);
    expect(compiled).toBe(2);
    await engine.release();
  });

  it("gives the same angles for a length after shorter and longer ones", async () => {
    const backend = createReferenceBackend();
    const engine = await engineOf(backend, tiny());
    for (const tokens of [3, 200, 7, 512]) {
      const { cos } = rotaryTables(engine.description.rotary, tokens);
      const table = engine.rotary(tokens)[COS];
      expect(await backend.download(table as NonNullable<typeof table>)).toEqual(cos);
    }
  });
});
