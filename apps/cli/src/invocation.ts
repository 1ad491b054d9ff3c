/** What a user types to run this program again: in a checkout it is a script of the root package. */
export function invocation(env: NodeJS.ProcessEnv = process.env): string {
  return env.npm_lifecycle_event === "secateur" || env.npm_lifecycle_event === "demo" ? "npx -y pnpm@12 secateur" : "secateur";
}
