/** What a new package of one kind is made of, beyond what all have. */
export interface Template {
  /** How its packages are named: `secateur-PREFIX-NAME`. */
  readonly prefix: string;
  /** What it does, for package.json and the README: a sentence. */
  readonly does: string;
  /** Files by their paths, with the plugin's name filled in. */
  files(name: string): Readonly<Record<string, string>>;
  /** Packages of Secateur that it computes with, beside the kit. */
  readonly dependencies: readonly string[];
  /** Whether its sources use Node, whose types it is then given. */
  readonly node?: boolean;
  /** How it is used, as a part of the README. `reference` is what the command line takes for it. */
  usage(reference: string, packageName: string): string;
}

/** A README's part for what the command line names by a flag. */
export function flagUsage(flag: string, option: string, given: string): Template["usage"] {
  return (reference) => `\`\`\`
secateur prune MODEL --general general.jsonl ${flag} ${reference} ${option} ${given} --sparsity 0.5 --out pruned
\`\`\`

While you work on it, \`${flag} ./dist/index.js\` (after \`npm run build\`) takes it from its file, and \`${flag} ./src/index.ts\` too, where tsx is installed.
`;
}
