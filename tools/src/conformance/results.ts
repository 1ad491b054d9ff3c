import type { TestCase, TestModule, TestSuite } from "vitest/node";

/** What became of the tests on backends. */
export interface Results {
  /** Those that have a result, in the order that was asked for. */
  readonly backends: readonly string[];
  readonly groups: readonly Group[];
}

/** The suites of one kind, one a backend. */
export interface Group {
  readonly what: string;
  /** By a test's name, or that of a suite of tests. */
  readonly rows: ReadonlyMap<string, Row>;
  /** By backend, why none of its tests are here. */
  readonly missing: ReadonlyMap<string, string>;
}

/** A test, or a suite of tests that are counted. */
export interface Row {
  readonly counted: boolean;
  /** By backend. */
  readonly cells: ReadonlyMap<string, Cell>;
}

/** How many tests did what. */
export interface Cell {
  readonly passed: number;
  readonly failed: number;
  /** Why tests were skipped, one entry each. */
  readonly reasons: readonly string[];
}

const CONTRACT = "contract";

/**
 * Reads the suites `BACKEND as a backend`, as `contract`, and `WHAT on BACKEND`, wherever they are in the modules of a run. What the run was not asked for, by a
 * test's name, is not among them.
 */
export function readResults(modules: readonly TestModule[], backends: readonly string[]): Results {
  const groups = new Map<string, WritableGroup>();
  for (const module of modules) {
    for (const suite of module.children.allSuites()) {
      const backend = backends.find((name) => suite.name === `${name} as a backend` || suite.name.endsWith(` on ${name}`));
      if (backend === undefined) continue;
      const what = suite.name.endsWith(` on ${backend}`) ? suite.name.slice(0, -` on ${backend}`.length) : CONTRACT;
      const group = groups.get(what) ?? { what, rows: new Map(), missing: new Map() };
      groups.set(what, group);
      addSuite(group, suite, backend);
    }
  }
  // Which file ends first differs from run to run.
  const rank = ({ what }: Group): string => (what === CONTRACT ? "" : what);
  const found = [...groups.values()]
    .filter(({ rows, missing }) => rows.size + missing.size > 0)
    .sort((a, b) => (rank(a) < rank(b) ? -1 : 1));
  const has = (name: string) =>
    found.some(({ rows, missing }) => missing.has(name) || [...rows.values()].some(({ cells }) => cells.has(name)));
  return { backends: backends.filter(has), groups: found };
}

interface WritableGroup extends Group {
  readonly rows: Map<string, Row & { readonly cells: Map<string, Cell> }>;
  readonly missing: Map<string, string>;
}

function addSuite(group: WritableGroup, suite: TestSuite, backend: string): void {
  const broken = suite.errors().length > 0;
  for (const child of suite.children) {
    const reason = child.type === "test" ? reasonOf(child) : undefined;
    // A test that is named by its own reason stands for the whole suite.
    if (reason === child.name) {
      group.missing.set(backend, reason);
      continue;
    }
    const found = child.type === "test" ? cellOf(child, broken) : sumOf(child, broken);
    if (found.passed + found.failed + found.reasons.length === 0) continue;
    const row = group.rows.get(child.name) ?? { counted: child.type === "suite", cells: new Map() };
    group.rows.set(child.name, row);
    row.cells.set(backend, plus(row.cells.get(backend), found));
  }
}

function sumOf(suite: TestSuite, broken: boolean): Cell {
  const own = broken || suite.errors().length > 0;
  return [...suite.children]
    .map((child) => (child.type === "test" ? cellOf(child, own) : sumOf(child, own)))
    .reduce<Cell>(plus, { passed: 0, failed: 0, reasons: [] });
}

/** `broken`: a hook of its suite failed, so that it did not run. */
function cellOf(test: TestCase, broken: boolean): Cell {
  const { state } = test.result();
  const reason = reasonOf(test);
  const failed = state === "failed" || (broken && state !== "passed" && reason === undefined);
  return { passed: state === "passed" ? 1 : 0, failed: failed ? 1 : 0, reasons: reason === undefined ? [] : [reason] };
}

function reasonOf(test: TestCase): string | undefined {
  const result = test.result();
  return result.state === "skipped" ? result.note : undefined;
}

function plus(a: Cell | undefined, b: Cell): Cell {
  return a === undefined ? b : { passed: a.passed + b.passed, failed: a.failed + b.failed, reasons: [...a.reasons, ...b.reasons] };
}
