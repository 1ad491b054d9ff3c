import type { PluginList } from "@secateur/engine";
import type { Database } from "../database/database.ts";
import type { Home } from "../home.ts";
import type { Feed } from "../jobs/feed.ts";
import type { Queue } from "../jobs/queue.ts";
import type { Library } from "../library/library.ts";
import type { Log } from "../log.ts";
import type { Metrics } from "../metrics.ts";
import type { Settings } from "../settings.ts";
import type { Ask } from "./ask.ts";
import type { Answers } from "./v1/answers.ts";

/** What the routes answer from. */
export interface Served {
  readonly settings: Settings;
  readonly home: Home;
  readonly database: Database;
  readonly queue: Queue;
  readonly feed: Feed;
  readonly library: Library;
  /** The plugins as they were when the server began: recipes name no others. */
  readonly plugins: PluginList;
  /** The endings of the files that loaders read. */
  readonly endings: readonly string[];
  readonly ask: Ask;
  readonly answers: Answers;
  readonly metrics: Metrics;
  readonly log: Log;
  readonly version: string;
  /** Given when the server is to end. */
  readonly ending: AbortSignal;
}
