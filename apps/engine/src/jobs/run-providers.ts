import type { ListedProvider } from "@secateur/backend-onnxruntime";
import { providers } from "../wiring.ts";
import type { JobContext, ProvidersRequest } from "./messages.ts";

/** Lists, adds or removes execution providers; after adding, the list has the new one only. */
export async function runProviders(request: ProvidersRequest, { signal }: JobContext<"providers">): Promise<ListedProvider[]> {
  switch (request.action) {
    case "list":
      return providers.list();
    case "add":
      return [await providers.add(request.file, { name: request.name, force: request.force, signal })];
    case "remove":
      await providers.remove(request.name);
      return [];
  }
}
