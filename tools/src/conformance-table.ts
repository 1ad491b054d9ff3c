import type { Reporter, TestModule } from "vitest/node";
import { renderResults } from "./conformance/render.ts";
import { readResults } from "./conformance/results.ts";

/** What the reporter is told. */
export interface ConformanceTableOptions {
  /** The names of the backends, in the order of their columns; suites on others are not in the table. */
  readonly backends: readonly string[];
}

/**
 * A vitest reporter that shows at the end of a run which test passed on which backend, from the suites `BACKEND as a backend` and `WHAT on BACKEND`, and why those
 * that are skipped are: the note of `skip(note)`. Prints nothing after a run without such suites.
 */
export default class ConformanceTable implements Reporter {
  readonly #backends: readonly string[];

  constructor({ backends }: ConformanceTableOptions) {
    this.#backends = backends;
  }

  onTestRunEnd(modules: readonly TestModule[]): void {
    const results = readResults(modules, this.#backends);
    if (results.backends.length > 0) console.log(renderResults(results));
  }
}
