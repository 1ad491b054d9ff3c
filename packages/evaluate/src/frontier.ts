import { combinedLoss, type DocumentLoss, type Estimate, pooledLoss } from "./statistics.ts";

/** What a model keeps of general text and of a task, document by document; of one frontier all are measured on the same documents. */
export interface TradeOff {
  readonly general: readonly DocumentLoss[];
  readonly task: readonly DocumentLoss[];
}

/** How far a model lies from a frontier: below 0 is better. */
export interface FrontierDistance extends Estimate {
  /** What the distance is measured along: the task's mean −log p, at equal loss on general text; or general text's, where the model loses less of it than the whole frontier. */
  readonly along: "task" | "general";
  /** Whether the distance is below 0 by two standard errors or more. */
  readonly beyond: boolean;
}

/**
 * The distance of a model from the frontier that other models draw in the plane of (general, task) losses: those that no other of them beats at both, joined by
 * straight lines. Standard errors are of paired differences over documents; those of general text and of the task are independent. Past the frontier's ends a
 * model is compared with its last point along one of the two losses.
 */
export function distanceToFrontier(model: TradeOff, others: readonly [TradeOff, ...TradeOff[]]): FrontierDistance {
  const x = pooledLoss(model.general).value;
  const frontier = efficientFrontier(others);
  const right = frontier.findIndex((point) => point.x >= x);
  const [first, last] = [frontier[0] as FrontierPoint, frontier.at(-1) as FrontierPoint]; // at least one of some models is beaten by none
  if (right < 0) return verdict("task", difference(model.task, last.of.task));
  if (right === 0) {
    if (first.x === x) return verdict("task", difference(model.task, first.of.task));
    return verdict("general", difference(model.general, first.of.general));
  }
  const [a, b] = [frontier[right - 1] as FrontierPoint, frontier[right] as FrontierPoint];
  const share = (x - a.x) / (b.x - a.x);
  const slope = (b.y - a.y) / (b.x - a.x);
  const task = combinedLoss(parts((point) => point.task));
  // By the choice of the share this difference is 0; how sure that is adds to the doubt.
  const general = combinedLoss(parts((point) => point.general));
  return verdict("task", { value: task.value, standardError: Math.hypot(task.standardError, slope * general.standardError) });

  function parts(of: (point: TradeOff) => readonly DocumentLoss[]): { factor: number; documents: readonly DocumentLoss[] }[] {
    return [
      { factor: 1, documents: of(model) },
      { factor: share - 1, documents: of(a.of) },
      { factor: -share, documents: of(b.of) },
    ];
  }
}

/** A model's place in the plane of losses. */
export interface FrontierPoint<Model extends TradeOff = TradeOff> {
  /** Mean −log p of general text. */
  readonly x: number;
  /** Mean −log p of the task. */
  readonly y: number;
  readonly of: Model;
}

/** The models that no other beats at both losses, by their loss on general text: the frontier that they draw. */
export function efficientFrontier<Model extends TradeOff>(models: readonly Model[]): FrontierPoint<Model>[] {
  const points = models.map((of): FrontierPoint<Model> => ({ x: pooledLoss(of.general).value, y: pooledLoss(of.task).value, of }));
  points.sort((a, b) => a.x - b.x || a.y - b.y);
  const kept: FrontierPoint<Model>[] = [];
  for (const point of points) if (point.y < (kept.at(-1)?.y ?? Number.POSITIVE_INFINITY)) kept.push(point);
  return kept;
}

function difference(one: readonly DocumentLoss[], other: readonly DocumentLoss[]): Estimate {
  return combinedLoss([
    { factor: 1, documents: one },
    { factor: -1, documents: other },
  ]);
}

function verdict(along: FrontierDistance["along"], { value, standardError }: Estimate): FrontierDistance {
  return { along, value, standardError, beyond: value < 0 && value <= -2 * standardError };
}
