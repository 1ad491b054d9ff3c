import type { PlanSummary, PruneEvent } from "@secateur/pipeline";
import { percent } from "@secateur/report/text";
import { planLine } from "./plan.ts";
import type { ProgressView } from "./progress.ts";
import { createRateMeter } from "./rate.ts";

/** Follows a run: shows its events, and knows how fast it was. */
export interface PruneFollower {
  follow(event: PruneEvent): void;
  /** Tokens through blocks a second; undefined when no data was read. */
  tokensPerSecond(): number | undefined;
}

/** Shows a run's events on a view. `now` gives milliseconds. */
export function followPrune(view: ProgressView, now: () => number = Date.now): PruneFollower {
  const tokens = createRateMeter();
  const blocks = createRateMeter();
  let plan: PlanSummary | undefined;

  return {
    follow(event) {
      switch (event.type) {
        case "plan":
          plan = event.plan;
          view.line(planLine(event.plan));
          break;
        case "warning":
          view.line(`warning: ${event.message}`);
          break;
        case "progress":
          onProgress(event);
          break;
        case "block":
          onBlock(event);
          break;
        case "measure":
          view.update({
            label: `${event.variant}: measuring on ${event.data}`,
            done: 100 * event.share,
            total: 100,
            unit: "%",
            perSecond: undefined,
          });
          break;
      }
    },
    tokensPerSecond: () => tokens.perSecond(),
  };

  function onProgress({ phase, block, blocks: count, role, done, total }: Extract<PruneEvent, { type: "progress" }>): void {
    if (phase === "check") {
      view.update({ label: "checking the weights", done, total, unit: "tensors", perSecond: undefined });
      return;
    }
    if (phase === "allocate" && role === undefined) {
      view.update({ label: "sharing the budget out", done, total, unit: "layers", perSecond: undefined });
      return;
    }
    tokens.add(done, now() / 1000);
    const label = [`block ${block + 1}/${count}`, phase, ...(role === undefined ? [] : [role])].join(" ");
    view.update({ label, done, total, unit: "tokens", perSecond: tokens.perSecond() });
  }

  function onBlock({ block, blocks: count, sparsity, resumed }: Extract<PruneEvent, { type: "block" }>): void {
    const what = resumed ? "already done" : `${percent(sparsity)} zero`;
    view.line(`block ${block + 1} of ${count}: ${what}`, "milestone");
    blocks.add(block + 1, now() / 1000);
    if (resumed) {
      tokens.restart();
      blocks.restart();
    }
    // Without data there are no tokens to count, and blocks are the measure.
    if (plan?.work === 0)
      view.update({ label: `block ${block + 1}/${count}`, done: block + 1, total: count, unit: "blocks", perSecond: blocks.perSecond() });
  }
}
