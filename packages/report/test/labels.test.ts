import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { placeNames } from "../src/charts/labels.ts";

const ROOM = { left: 40, right: 900, top: 20, bottom: 400, height: 15 };

describe("placeNames", () => {
  it("puts a name close to its point, within the room", () => {
    const point = fc.record({
      x: fc.integer({ min: 60, max: 880 }),
      y: fc.integer({ min: 40, max: 380 }),
      width: fc.integer({ min: 10, max: 120 }),
      bars: fc.record({ x: fc.integer({ min: 0, max: 60 }), y: fc.integer({ min: 0, max: 60 }) }),
    });
    fc.assert(
      fc.property(fc.array(point, { minLength: 1, maxLength: 9 }), (points) => {
        const places = placeNames(points, ROOM);
        expect(places).toHaveLength(points.length);
        for (const [i, { x, y }] of places.entries()) {
          const { width, ...own } = points[i] as (typeof points)[number];
          expect(x).toBeGreaterThanOrEqual(ROOM.left - 0.001);
          expect(x + width).toBeLessThanOrEqual(ROOM.right + 0.001);
          const nearest = Math.min(Math.max(own.x, x), x + width);
          expect(Math.hypot(nearest - own.x, y - own.y)).toBeLessThanOrEqual(112.001);
        }
      }),
    );
  });

  it("keeps the names of points that lie close together apart", () => {
    const points = Array.from({ length: 8 }, (_, i) => ({ x: 300 + 7 * i, y: 200 + ((i * 5) % 9), width: 70, bars: { x: 30, y: 30 } }));
    const places = placeNames(points, ROOM);
    for (const [i, one] of places.entries())
      for (const other of places.slice(i + 1)) expect(Math.abs(one.y - other.y) > 14.5 || Math.abs(one.x - other.x) > 69.5).toBe(true);
  });
});
