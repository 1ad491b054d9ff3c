import type { Role } from "@secateur/kit";
import type { BlockStats } from "@secateur/runner";
import type { OpenStatistics } from "@secateur/statistics";
import type { RoleFacts } from "./data.ts";
import type { Walk } from "./walk.ts";

/** A walk over kept statistics: no data passes the model, and of a section only what is pruned is read. The file stays the caller's. */
export function readingWalk(statistics: OpenStatistics, roles: readonly RoleFacts[]): Walk {
  return {
    async load({ linears }, read) {
      const tensors = new Map(await Promise.all(linears.map(async ({ weight, tensor }) => [weight.name, await read(tensor)] as const)));
      const nothing = (): void => {};
      return { tensors, device: {}, replace: nothing, release: nothing };
    },
    async collect(_at, { targets }, _weights, needs) {
      const stats = new Map<Role, BlockStats>();
      for (const { role } of roles) {
        const block = new Map();
        for (const { weight, tensor } of targets) block.set(weight.name, await statistics.load(tensor, role, needs));
        stats.set(role, block);
      }
      return stats;
    },
    async propagate() {},
    skip() {},
    async release() {},
  };
}
