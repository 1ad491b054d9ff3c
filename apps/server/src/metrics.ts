import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from "prom-client";
import type { JobState } from "./jobs/store.ts";

/** One answered request. */
interface RequestFigures {
  readonly method: string;
  /** The pattern of the route, never what was asked of it. */
  readonly route: string;
  readonly status: number;
  readonly seconds: number;
}

/** What a server counts, for Prometheus. */
export interface Metrics {
  request(figures: RequestFigures): void;
  jobs(counts: ReadonlyMap<JobState, number>): void;
  read(): Promise<{ readonly type: string; readonly text: string }>;
  close(): void;
}

const STATES: readonly JobState[] = ["queued", "running", "done", "failed", "cancelled"];

/** Begins to count. */
export function createMetrics(): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];
  const requests = new Counter({
    name: "secateur_http_requests_total",
    help: "Answered requests",
    labelNames: ["method", "route", "status"],
    registers,
  });
  const seconds = new Histogram({
    name: "secateur_http_request_seconds",
    help: "Time to answer a request",
    labelNames: ["method", "route"],
    registers,
  });
  const jobs = new Gauge({ name: "secateur_jobs", help: "Jobs by state", labelNames: ["state"], registers });
  return {
    request(figures) {
      const { method, route, status } = figures;
      requests.inc({ method, route, status });
      seconds.observe({ method, route }, figures.seconds);
    },
    jobs(counts) {
      for (const state of STATES) jobs.set({ state }, counts.get(state) ?? 0);
    },
    read: async () => ({ type: registry.contentType, text: await registry.metrics() }),
    close: () => registry.clear(),
  };
}
