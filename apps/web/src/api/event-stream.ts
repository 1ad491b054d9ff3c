/** One server-sent event. */
export interface ServerEvent {
  /** The last id that was sent, up to this event; empty where there was none. */
  readonly id: string;
  readonly type: string;
  readonly data: string;
}

/** Takes the text of an event stream in any pieces, and gives the events that each piece completes. */
export function createEventParser(): (piece: string) => ServerEvent[] {
  let [rest, id, type] = ["", "", ""];
  let data: string[] = [];
  let begun = false;

  function takeLine(line: string): ServerEvent | undefined {
    if (line === "") {
      const event = data.length > 0 ? { id, type: type || "message", data: data.join("\n") } : undefined;
      [type, data] = ["", []];
      return event;
    }
    const at = line.indexOf(":");
    const field = at < 0 ? line : line.slice(0, at); // empty for a comment
    const value = at < 0 ? "" : line.slice(at + 1).replace(/^ /, "");
    if (field === "data") data.push(value);
    else if (field === "event") type = value;
    else if (field === "id" && !value.includes("\0")) id = value;
    return undefined;
  }

  return (piece) => {
    rest += piece;
    if (!begun && rest !== "") [rest, begun] = [rest.replace(/^\ufeff/, ""), true];
    const events: ServerEvent[] = [];
    // A carriage return at the end may be half of a line's end.
    for (let end = /\r\n|\n|\r(?!$)/.exec(rest); end !== null; end = /\r\n|\n|\r(?!$)/.exec(rest)) {
      const event = takeLine(rest.slice(0, end.index));
      if (event) events.push(event);
      rest = rest.slice(end.index + end[0].length);
    }
    return events;
  };
}

/** The events of a body as they come; one that is not complete at its end is dropped. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<ServerEvent, void, undefined> {
  const reader = body.getReader();
  const [parse, decoder] = [createEventParser(), new TextDecoder()];
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) yield* parse(decoder.decode(part.value, { stream: true }));
  } finally {
    await reader.cancel().catch(() => {}); // a body that has failed has nothing left to cancel
  }
}
