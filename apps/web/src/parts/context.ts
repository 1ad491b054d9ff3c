import type { PluginList } from "@secateur/engine";
import { type Context, createContext } from "preact";
import { useContext } from "preact/hooks";
import type { Api } from "../api/client.ts";

/** What all views work with. */
export interface Shared {
  readonly api: Api;
  readonly plugins: PluginList;
}

/** Carries it to the views. */
export const SharedContext: Context<Shared | undefined> = createContext<Shared | undefined>(undefined);

/** What all views work with. Throws where a view stands outside of the page. */
export function useShared(): Shared {
  const shared = useContext(SharedContext);
  if (shared === undefined) throw new Error("a view is shown outside of the page");
  return shared;
}
