import type { ListedProvider } from "@secateur/engine";
import { invocation } from "../invocation.ts";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** All providers with their devices, a line each. */
export function providersText(list: readonly ListedProvider[], colors: Colors): string {
  const rows = list.flatMap((provider) => {
    const { name, version = "", devices, problem } = provider;
    if (problem !== undefined) return [[name, version, "cannot be used"]];
    return devices.map(({ kind, hardware, precisions }) => [name, version, kind, hardware, precisions.join(", ")]);
  });
  const problems = list.flatMap(({ problem }) => (problem === undefined ? [] : [`${problem}\n`])).join("");
  const more = list.length > 1 ? "" : `\nMore can be added:\n  ${colors.cyan(`${invocation()} providers add FILE.whl`)}\n`;
  return `${table([["provider", "version", "device", "hardware", "computes in"], ...rows])}${problems && `\n${problems}`}${more}`;
}

/** What was added, and how it is used. */
export function addedText({ name, version = "", vendor, devices, added }: ListedProvider, colors: Colors): string {
  const facts = table([
    ["added", [name, version].filter(Boolean).join(" ") + (vendor && `, of ${vendor}`)],
    ...devices.map(({ kind, hardware, precisions }) => [kind, `${hardware}, computes in ${precisions.join(", ")}`]),
    ["from", `${added?.source} (sha256 ${added?.sha256})`],
    ["library", added?.library ?? ""],
  ]);
  const use = `--backend-option provider=${name}`;
  return `${facts}\nFrom now on it computes where it passes a self-test and is clearly faster; ${colors.cyan(use)} asks for this one.\n`;
}
