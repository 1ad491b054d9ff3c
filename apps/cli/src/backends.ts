import { type BackendChoice, type BackendRequest, type OpenedBackend, reportOf } from "@secateur/engine";
import type { ErrorCode } from "@secateur/kit";
import { runEngine } from "./run-engine.ts";

/** A choice of what computes, and whether it works here. */
export type BackendState = Pick<BackendChoice, "backend" | "options"> &
  (OpenedBackend | { readonly problem: string; readonly code: ErrorCode });

/**
 * Everything that may compute here, each opened in an engine process of its own: native code that does not survive its loading takes nothing else with it. With
 * `measure` one after the other, since they would take each other's time; `onState` hears of each as it is known.
 */
export async function backendsHere(
  measure?: BackendRequest["measure"],
  onState: (state: BackendState) => void = () => {},
): Promise<BackendState[]> {
  const open = async (choice: BackendChoice): Promise<BackendState> => {
    const state = await stateOf(choice, measure);
    onState(state);
    return state;
  };
  const choices = await runEngine("choices", measure ? { measure } : {});
  if (!measure) return Promise.all(choices.map(open));
  const states: BackendState[] = [];
  for (const choice of choices) states.push(await open(choice));
  return states;
}

async function stateOf({ backend, options, problem }: BackendChoice, measure: BackendRequest["measure"]): Promise<BackendState> {
  if (problem !== undefined) return { backend, options, problem, code: "backend" };
  try {
    return { backend, options, ...(await runEngine("backend", { backend, options, ...(measure && { measure }) })) };
  } catch (error) {
    const { code, message } = reportOf(error);
    if (code === "cancelled") throw error;
    return { backend, options, problem: message, code };
  }
}
