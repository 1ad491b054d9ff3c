/** How fast work goes, from how much is done at which time. */
export interface RateMeter {
  /** `done` of the work is done at `seconds`. */
  add(done: number, seconds: number): void;
  /** What was done up to here says nothing about the speed: it was done before. */
  restart(): void;
  /** Work a second since the last start; undefined before there are two different times. */
  perSecond(): number | undefined;
}

/** A meter that has seen nothing. */
export function createRateMeter(): RateMeter {
  let first: { done: number; seconds: number } | undefined;
  let last: { done: number; seconds: number } | undefined;
  return {
    add(done, seconds) {
      last = { done, seconds };
      first ??= last;
    },
    restart() {
      first = last;
    },
    perSecond() {
      if (!first || !last || last.seconds <= first.seconds || last.done <= first.done) return undefined;
      return (last.done - first.done) / (last.seconds - first.seconds);
    },
  };
}
