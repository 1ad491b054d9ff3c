import { existsSync } from "node:fs";
import { mkdtemp, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createStateStore, type State } from "../src/index.ts";
import { failureOf } from "./support.ts";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "secateur-states-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const counting = (length: number, from = 0): Float32Array => Float32Array.from({ length }, (_, i) => from + i);

describe("a state store", () => {
  it("gives back the same bits whatever the budget, in any order of keeping, reading and freeing", async () => {
    const step = fc.record({ action: fc.constantFrom("keep", "keep", "read", "free"), length: fc.constantFrom(1, 7, 32), pick: fc.nat() });
    const property = fc.asyncProperty(fc.array(step, { maxLength: 60 }), fc.constantFrom(0, 64, 200, 1e6), async (steps, memoryBytes) => {
      const store = createStateStore({ memoryBytes, scratch: join(folder, "law") });
      const held: { state: State; expected: Float32Array }[] = [];
      let seed = 0;
      for (const { action, length, pick } of steps) {
        const one = held[pick % Math.max(1, held.length)];
        if (action === "keep") {
          const values = store.buffer(length);
          seed += 100;
          values.set(counting(length, seed));
          const expected = values.slice();
          held.push({ state: await store.keep(values), expected });
        } else if (one && action === "read") {
          expect(await store.load(one.state)).toEqual(one.expected);
          store.unload(one.state);
        } else if (one) {
          store.free(one.state);
          held.splice(held.indexOf(one), 1);
        }
      }
      for (const { state, expected } of held) expect(await store.load(state)).toEqual(expected);
      await store.close();
    });
    await fc.assert(property, { numRuns: 60 });
    expect(existsSync(join(folder, "law"))).toBe(false);
  });

  it("makes no file while the budget lasts, uses places again, and takes its file away", async () => {
    const scratch = join(folder, "again");
    const store = createStateStore({ memoryBytes: 400, scratch });
    const first = await store.keep(counting(100));
    expect(existsSync(scratch)).toBe(false);
    for (let i = 0; i < 5; i++) store.free(await store.keep(counting(100)));
    expect((await stat(scratch)).size).toBe(400);
    store.free(first);
    const second = store.buffer(100);
    expect(await store.load(await store.keep(second))).toBe(second); // there is room in memory again
    await store.close();
    expect(existsSync(scratch)).toBe(false);
  });

  it("says that its file cannot be written, or has been cut", async () => {
    const nowhere = createStateStore({ memoryBytes: 0, scratch: join(folder, "no", "such") });
    const [code, message] = await failureOf(() => nowhere.keep(counting(3)));
    expect([code, message.startsWith(`cannot write the scratch file ${join(folder, "no", "such")}: ENOENT`)]).toEqual(["io", true]);
    await expect(nowhere.close()).resolves.toBeUndefined();
    const scratch = join(folder, "cut");
    const store = createStateStore({ memoryBytes: 0, scratch });
    const state = await store.keep(counting(3));
    await truncate(scratch, 4);
    expect(await failureOf(() => store.load(state))).toEqual(["io", `cannot read the scratch file ${scratch}: it has been cut short`]);
    await store.close();
  });

  it("refuses a state that it does not hold", async () => {
    const store = createStateStore();
    const state = await store.keep(counting(3));
    store.free(state);
    expect(await failureOf(() => store.load(state))).toEqual(["internal", "a state is used that its store does not hold"]);
  });
});
