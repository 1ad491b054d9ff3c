import type { Plan } from "./plan.ts";

/** What a run tells while it works: plain data, fit to be sent between processes. */
export type PruneEvent =
  | { readonly type: "plan"; readonly plan: PlanSummary }
  | { readonly type: "warning"; readonly message: string }
  /** `done` and `total` count tokens through blocks, padding included. */
  | {
      readonly type: "progress";
      readonly phase: Phase;
      readonly block: number;
      readonly blocks: number;
      readonly role?: string;
      readonly done: number;
      readonly total: number;
    }
  /** How much of a model's measuring is done, 0 to 1, and on which of the data it is. */
  | { readonly type: "measure"; readonly variant: string; readonly data: string; readonly share: number }
  | { readonly type: "block"; readonly block: number; readonly blocks: number; readonly sparsity: number; readonly resumed: boolean };

/** What a run is doing. */
export type Phase = "read" | "check" | "allocate" | "gradients" | "calibrate" | "prune" | "propagate" | "write";

/** The part of a plan that a person wants to see, and that can be printed as JSON. */
export type PlanSummary = Plan["summary"];

/** Receives a run's events. */
export type Emit = (event: PruneEvent) => void;
