import { computedText } from "@secateur/report/text";
import type { BackendState } from "../backends.ts";
import { table } from "./table.ts";

/** What may compute here, a line each. */
export function backendsText(states: readonly BackendState[], indent = ""): string {
  const rows = states.map((state) => [state.backend, choiceText(state), stateText(state)]);
  return table([["backend", "option", "here"], ...rows], [], indent);
}

/** What is wrong with those that do not work, a line each; nothing where all do. */
export function problemsText(states: readonly BackendState[]): string {
  return states.flatMap((state) => ("problem" in state ? [`${nameOf(state)}: ${state.problem}\n`] : [])).join("");
}

/** Measured speeds, the fastest first, each also as a part of the first's. */
export function speedsText(states: readonly BackendState[]): string {
  const measured = states.flatMap((state) => ("flopsPerSecond" in state ? [{ state, speed: state.flopsPerSecond as number }] : []));
  const sorted = measured.toSorted((a, b) => b.speed - a.speed);
  const rows = sorted.map(({ state, speed }) => [
    state.backend,
    choiceText(state),
    stateText(state),
    (speed / 1e9).toPrecision(3),
    (speed / (sorted[0]?.speed ?? 1)).toFixed(2),
  ]);
  return table([["backend", "option", "here", "GFLOP/s", "of the first"], ...rows], ["left", "left", "left", "right", "right"]);
}

/** The flags that ask for a choice. */
export function flagsOf({ backend, options }: Pick<BackendState, "backend" | "options">): string {
  return [`--backend ${backend}`, ...Object.entries(options).map(([key, value]) => `--backend-option ${key}=${value}`)].join(" ");
}

function nameOf(state: BackendState): string {
  return [state.backend, choiceText(state)].filter(Boolean).join(" ");
}

function choiceText({ options }: BackendState): string {
  return Object.entries(options)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

function stateText(state: BackendState): string {
  if ("problem" in state) return state.code === "not-found" ? "not installed" : "does not work";
  const { description, threads } = state;
  return [computedText(description), ...(description.device === "cpu" ? [threadsText(threads)] : [])].join(", ");
}

function threadsText(threads: number | undefined): string {
  if (threads === undefined) return "a thread a core";
  return threads === 1 ? "one thread" : `${threads} threads`;
}
