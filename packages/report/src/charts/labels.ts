/** A point that has a name, in pixels. */
export interface NamedPoint {
  readonly x: number;
  readonly y: number;
  /** How wide its name is. */
  readonly width: number;
  /** How far the bars go that stand for its errors, to either side and up and down. */
  readonly bars: { readonly x: number; readonly y: number };
}

/** Where a name stands: its left end, and its middle from top to bottom. */
export interface NamePlace {
  readonly x: number;
  readonly y: number;
}

/** What names may cover, and how high they are. */
export interface NameRoom {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly height: number;
}

/** What a name is kept away from, and how much. */
interface Obstacle extends Box {
  readonly weight: number;
}

interface Box {
  readonly x1: number;
  readonly y1: number;
  readonly x2: number;
  readonly y2: number;
}

const POINT = 6; // half of the square that a point is taken for
const RINGS = [10, 22, 36, 52, 70, 90, 112]; // how far from its point a name is tried
const DIRECTIONS = 16;

/** Puts names beside their points: each as near as it can be without lying over another name, a point, or the room's edge, and over bars only where that spares a way. The most crowded find theirs first. */
export function placeNames(points: readonly NamedPoint[], room: NameRoom): readonly NamePlace[] {
  const crowd = (point: NamedPoint): number => points.filter(({ x, y }) => Math.hypot(x - point.x, y - point.y) < 60).length;
  const order = [...points.keys()].sort((a, b) => crowd(points[b] as NamedPoint) - crowd(points[a] as NamedPoint));
  const obstacles = points.flatMap(({ x, y, bars }): Obstacle[] => [
    { ...around(x, y, POINT, POINT), weight: 100 },
    { ...around(x, y, bars.x, 1), weight: 1 },
    { ...around(x, y, 1, bars.y), weight: 1 },
  ]);
  const places: NamePlace[] = [];
  for (const i of order) {
    const point = points[i] as NamedPoint;
    const costs = candidates(point, room.height).map((box) => ({ box, cost: costOf(box, point, room, obstacles) }));
    const { box } = costs.reduce((best, one) => (one.cost < best.cost ? one : best));
    obstacles.push({ ...box, weight: 100 });
    places[i] = { x: box.x1, y: (box.y1 + box.y2) / 2 };
  }
  return places;
}

function around(x: number, y: number, dx: number, dy: number): Box {
  return { x1: x - dx, x2: x + dx, y1: y - dy, y2: y + dy };
}

/** Boxes for a name around its point, to its right first. */
function candidates({ x, y, width }: NamedPoint, height: number): Box[] {
  return RINGS.flatMap((radius) =>
    Array.from({ length: DIRECTIONS }, (_, i) => {
      // Right, a little up, a little down, and so on to the left.
      const angle = (i % 2 === 0 ? 1 : -1) * Math.ceil(i / 2) * ((2 * Math.PI) / DIRECTIONS);
      const [cx, cy] = [x + Math.cos(angle) * radius, y + Math.sin(angle) * radius];
      // The nearest point of the box lies in that direction.
      const x1 = cx + ((Math.cos(angle) - 1) / 2) * width;
      return { x1, x2: x1 + width, y1: cy - height / 2, y2: cy + height / 2 };
    }),
  );
}

function costOf(box: Box, point: NamedPoint, room: NameRoom, others: readonly Obstacle[]): number {
  const covered = others.reduce((sum, other) => sum + other.weight * overlapOf(box, other), 0);
  const out =
    Math.max(0, room.left - box.x1) + Math.max(0, box.x2 - room.right) + Math.max(0, room.top - box.y1) + Math.max(0, box.y2 - room.bottom);
  const far = Math.hypot(Math.max(box.x1 - point.x, 0, point.x - box.x2), (box.y1 + box.y2) / 2 - point.y);
  return covered + 1000 * out + far;
}

function overlapOf(a: Box, b: Box): number {
  return Math.max(0, Math.min(a.x2, b.x2) - Math.max(a.x1, b.x1)) * Math.max(0, Math.min(a.y2, b.y2) - Math.max(a.y1, b.y1));
}
