import type { BackendDescription } from "@secateur/kit";

/** What computed something, for a person. */
export function computedText({ engine, version, provider, device, precision }: BackendDescription): string {
  const where = provider === undefined || provider === device ? device : `${provider} on ${device}`;
  return `${engine} ${version}, ${where}, products in ${precision}`;
}
