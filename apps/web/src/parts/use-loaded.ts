import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { messageOf } from "../api/client.ts";

/** Something that is asked for: there, failed, or still to come. */
export interface Loaded<Value> {
  readonly value: Value | undefined;
  readonly problem: string | undefined;
  /** Asks again; what is there stays until then. */
  reload(): void;
}

/** Asks for something when `key` changes and when told to, and, where `everyMs` is given, again and again while the page is looked at. */
export function useLoaded<Value>(key: string, load: (signal: AbortSignal) => Promise<Value>, everyMs?: number): Loaded<Value> {
  const [state, setState] = useState<{ readonly key: string; readonly value?: Value; readonly problem?: string }>({ key });
  const [turn, setTurn] = useState(0);
  const latest = useRef(load);
  latest.current = load;

  // Another turn asks again; `load` is another function each time.
  useEffect(() => {
    const gone = new AbortController();
    latest.current(gone.signal).then(
      (value) => {
        if (!gone.signal.aborted) setState({ key, value });
      },
      (error: unknown) => {
        if (!gone.signal.aborted) setState((before) => ({ ...(before.key === key ? before : { key }), problem: messageOf(error) }));
      },
    );
    return () => gone.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((before) => before + 1), []);
  useEffect(() => {
    if (everyMs === undefined) return;
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") reload();
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs, reload]);

  const present = state.key === key;
  return { value: present ? state.value : undefined, problem: present ? state.problem : undefined, reload };
}
