import pc from "picocolors";

/** Where a command writes: results to `out`, everything else to `err`. */
export interface Terminal {
  readonly out: NodeJS.WriteStream;
  readonly err: NodeJS.WriteStream;
  /** Colours for `out`: plain text where it is no terminal or NO_COLOR is set. */
  readonly colors: Colors;
}

/** What text can be dressed in. */
export type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "green" | "cyan">;

/** The terminal of this process. */
export function processTerminal(): Terminal {
  const { stdout: out, stderr: err } = process;
  return { out, err, colors: pc.createColors(out.isTTY === true && !process.env.NO_COLOR) };
}

/** Text without colours. */
export const plainColors: Colors = pc.createColors(false);

/** Writes one JSON document. */
export function printJson(stream: NodeJS.WritableStream, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}
