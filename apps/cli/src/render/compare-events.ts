import type { CompareEvent } from "@secateur/pipeline";
import { counted } from "@secateur/report/text";
import type { ProgressView } from "./progress.ts";
import { followPrune } from "./prune-events.ts";

/** Shows a comparison's events on a view. */
export function followCompare(view: ProgressView): (event: CompareEvent) => void {
  const run = followPrune(view);
  let [done, total] = [0, 1];
  return (event) => {
    switch (event.type) {
      case "row":
        [done, total] = [event.done, event.total];
        view.line(`${event.done} of ${counted(event.total, "model")} measured: ${event.variant}`, "milestone");
        break;
      case "measure":
        view.update({
          label: `${event.variant}: measuring on ${event.data}`,
          done: 100 * ((done + event.share) / total),
          total: 100,
          unit: "%",
          perSecond: undefined,
        });
        break;
      default:
        run.follow(event);
    }
  };
}
