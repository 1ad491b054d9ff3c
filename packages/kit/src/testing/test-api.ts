/** What a contract suite needs of a test runner: vitest's and node:test's functions of these names fit. A failing test throws. */
export interface TestApi {
  /** Groups the tests that `body` adds, at once. */
  describe(name: string, body: () => void): void;
  /** Adds a test. */
  it(name: string, body: () => void | Promise<void>): void;
}
