import fc from "fast-check";
import { expect, it } from "vitest";
import { createWatcher, fixedMap, frozen } from "../src/given.ts";

it("finds any change of any number, whether copies fit or not, and nothing where there is none", () => {
  const arrays = fc.array(fc.float64Array({ minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(arrays, fc.nat(), fc.nat(), fc.nat({ max: 63 }), fc.constantFrom(0, 100, 1e6), (given, which, where, bit, copied) => {
      const watch = createWatcher(copied);
      const named = given.map((numbers, i) => [`numbers ${i}`, numbers] as const);
      const before = watch(named);
      expect(before.changed()).toBeUndefined();
      const at = which % given.length;
      const bytes = new Uint8Array((given[at] as Float64Array).buffer);
      const byte = ((where * 8) % bytes.length) + (bit >> 3);
      bytes[byte] = (bytes[byte] as number) ^ (1 << (bit & 7));
      expect(before.changed()).toBe(`numbers ${at}`);
      before.end();
      const after = watch(named);
      expect(after.changed()).toBeUndefined();
      after.end();
    }),
  );
});

it("watches what is given while something else is watched, and parts of one memory by their own names", () => {
  const watch = createWatcher(64);
  const whole = new Float32Array(8);
  const outer = watch([
    ["first half", whole.subarray(0, 4)],
    ["second half", whole.subarray(4)],
  ]);
  const inner = watch([["other", new Float64Array(4)]]);
  whole[6] = 1;
  expect(inner.changed()).toBeUndefined();
  inner.end();
  const next = watch([["whole", whole]]); // where the inner one was
  expect(outer.changed()).toBe("second half");
  expect(next.changed()).toBeUndefined();
});

it("watches what begins and ends in any order", () => {
  const watch = createWatcher(64);
  const [first, second, third] = [new Float32Array(4).fill(1), new Float32Array(4).fill(2), new Float32Array(8).fill(3)]; // the third reaches past the first
  const [one, two] = [watch([["first", first]]), watch([["second", second]])];
  one.end();
  const three = watch([["third", third]]);
  expect([two.changed(), three.changed()]).toEqual([undefined, undefined]);
  second[0] = 9;
  expect([two.changed(), three.changed()]).toEqual(["second", undefined]);
});

it("what is frozen and what is fixed reads as before, and nothing of it can be written", () => {
  const value = frozen({ shape: [2, 3], numbers: new Float32Array(6), roles: fixedMap([["a", 1]]) });
  expect(value).toEqual({ shape: [2, 3], numbers: new Float32Array(6), roles: expect.any(Map) });
  expect([...value.roles]).toEqual([["a", 1]]);
  expect(new Map(value.roles)).toEqual(new Map([["a", 1]]));
  for (const write of [
    () => value.shape.push(4),
    () => Object.assign(value, { shape: [] }),
    () => (value.roles as Map<string, number>).set("b", 2),
    () => (value.roles as Map<string, number>).delete("a"),
    () => (value.roles as Map<string, number>).clear(),
  ])
    expect(write).toThrow(TypeError);
});
