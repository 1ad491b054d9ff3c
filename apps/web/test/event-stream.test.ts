import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createEventParser, readEvents, type ServerEvent } from "../src/api/event-stream.ts";

const whole = (text: string): ServerEvent[] => createEventParser()(text);
const event = (data: string, rest: Partial<ServerEvent> = {}): ServerEvent => ({ id: "", type: "message", data, ...rest });

describe("createEventParser", () => {
  it.each<[what: string, text: string, events: ServerEvent[]]>([
    ["a whole event", "id: 3\nevent: block\ndata: {}\n\n", [event("{}", { id: "3", type: "block" })]],
    ["lines that end in any way", "data: a\r\n\r\ndata: b\r\rdata: c\n\n", [event("a"), event("b"), event("c")]],
    ["several lines of data", "data: a\ndata:\ndata:  b\n\n", [event("a\n\n b")]],
    ["comments, other fields and no data", ": still here\n\nretry: 5\nevent: x\n\ndata: a\n\n", [event("a")]],
    [
      "an id that stays until another comes",
      "id: 1\ndata: a\n\ndata: b\n\nid\ndata: c\n\n",
      [event("a", { id: "1" }), event("b", { id: "1" }), event("c")],
    ],
    ["a field without a colon", "data\n\n", [event("")]],
    ["an id with a null, which is none", "id: a\0\ndata: a\n\n", [event("a")]],
    ["a byte order mark before it", "\ufeffdata: a\n\n", [event("a")]],
    ["nothing of what is not complete", "data: a\n\ndata: b\n", [event("a")]],
  ])("reads %s", (_, text, events) => {
    expect(whole(text)).toEqual(events);
  });

  it("reads the same whatever pieces the text comes in", () => {
    const line = fc.constantFrom("data: a", "data:b", "data", "id: 7", "event: x", ": c", "", "");
    const text = fc.array(fc.tuple(line, fc.constantFrom("\n", "\r\n", "\r"))).map((lines) => `${lines.flat().join("")}data: end\n\n`);
    fc.assert(
      fc.property(text, fc.array(fc.nat(12)), (given, cuts) => {
        const parse = createEventParser();
        const events: ServerEvent[] = [];
        let rest = given;
        for (const cut of cuts) {
          events.push(...parse(rest.slice(0, cut)));
          rest = rest.slice(cut);
        }
        events.push(...parse(rest));
        expect(events).toEqual(whole(given));
      }),
    );
  });
});

it("reads characters that are cut between bytes", async () => {
  const bytes = new TextEncoder().encode("data: gärtner ✂\n\n");
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      for (const byte of bytes) controller.enqueue(new Uint8Array([byte]));
      controller.close();
    },
  });
  const events: ServerEvent[] = [];
  for await (const one of readEvents(body)) events.push(one);
  expect(events).toEqual([event("gärtner ✂")]);
});
