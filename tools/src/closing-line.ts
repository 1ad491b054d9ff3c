import type { Reporter, SerializedError, TestModule } from "vitest/node";

/**
 * A vitest reporter that ends a run with the line `N passed, N failed`, for scripts that read only the last line. What fails outside a test counts as one
 * failure each: a file that cannot be loaded, a hook, an error that nothing caught.
 */
export default class ClosingLine implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[] = []): void {
    const count = { passed: 0, failed: unhandled.length, skipped: 0, pending: 0 };
    for (const module of modules) {
      count.failed += module.errors().length;
      for (const suite of module.children.allSuites()) count.failed += suite.errors().length;
      for (const test of module.children.allTests()) count[test.result().state]++;
    }
    const rest = count.skipped + count.pending;
    if (rest > 0) console.log(`${rest} skipped`);
    console.log(`${count.passed} passed, ${count.failed} failed`);
  }
}
