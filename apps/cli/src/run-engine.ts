import { type FollowOptions, type JobName, type Jobs, startJob } from "@secateur/engine";

/** How a command follows a job. */
interface CommandOptions<K extends JobName> extends FollowOptions<K> {
  /** The user has asked to stop, and the engine has been told. */
  readonly onStopping?: () => void;
}

/**
 * Does a job in an engine process of its own and gives its result once that process has ended. Ctrl-C and SIGTERM ask it to stop, a second one ends it.
 * Throws what the job threw, SecateurError `cancelled` when it was stopped, and `internal` when the process died.
 */
export async function runEngine<K extends JobName>(
  job: K,
  request: Jobs[K]["request"],
  { onStopping, ...follow }: CommandOptions<K> = {},
): Promise<Jobs[K]["result"]> {
  const { result, stop } = startJob(job, request, follow);
  let stopping = false;
  function stopOnce(): void {
    stop();
    if (!stopping) onStopping?.();
    stopping = true;
  }
  process.on("SIGINT", stopOnce).on("SIGTERM", stopOnce);
  try {
    return await result;
  } finally {
    process.off("SIGINT", stopOnce).off("SIGTERM", stopOnce);
  }
}
