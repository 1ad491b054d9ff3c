/** What a contract suite needs of a test runner: vitest's and node:test's functions of these names fit. A failing test throws. */
export interface TestApi {
  describe(name: string, body: () => void): void;
  it(name: string, body: () => void | Promise<void>): void;
}
