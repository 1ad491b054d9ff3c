import { SecateurError } from "@secateur/kit";
import fc from "fast-check";
import { parquetMetadata } from "hyparquet";
import { describe, expect, test } from "vitest";
import { bytesOf, readCounted } from "./support.ts";

const groups = bytesOf("groups");
const { row_groups } = parquetMetadata(groups);
/** The bytes that some columns take in some row groups. */
function sizeOf(columns: readonly string[], of: readonly number[]): number {
  const chunks = of.flatMap((group) => row_groups[group]?.columns ?? []).flatMap(({ meta_data }) => meta_data ?? []);
  const chosen = chunks.filter(({ path_in_schema: [name = ""] }) => columns.includes(name));
  return chosen.reduce((sum, { total_compressed_size }) => sum + Number(total_compressed_size), 0);
}
const end = descriptionOf(groups);

describe("bytes that are read", () => {
  test("the end alone where no row is asked for", async () => {
    expect(await readCounted(groups, { rows: { to: 0 } })).toMatchObject({ rows: [], bytes: end });
  });

  test.each([
    ["the columns that are looked into", {}, 400, ["prompt", "answer"], [0, 1, 2, 3]],
    ["those that a template names", { template: "{answer}" }, 400, ["answer"], [0, 1, 2, 3]],
    ["those that fields name", { fields: { text: "id" } }, 400, ["id"], [0, 1, 2, 3]],
    ["the row groups of a range", { rows: { from: 150, to: 250 } }, 100, ["prompt", "answer"], [1, 2]],
    ["a last row group", { rows: { from: 399 } }, 1, ["prompt", "answer"], [3]],
  ])("%s", async (_, options, count, columns, of) => {
    const { rows, bytes } = await readCounted(groups, options);
    expect(rows).toHaveLength(count);
    expect(Object.keys(rows[0] as object)).toEqual(columns);
    expect(bytes).toBe(end + sizeOf(columns, of));
  });

  test("the row groups up to where the consumer stops", async () => {
    const { rows, bytes } = await readCounted(groups, {}, 101);
    expect(rows).toHaveLength(101);
    expect(bytes).toBe(end + sizeOf(["prompt", "answer"], [0, 1]));
  });

  test("the pages up to where the consumer stops, where they have an index", async () => {
    const pages = bytesOf("pages");
    const all = await readCounted(pages, {});
    const some = await readCounted(pages, {}, 10);
    expect(all.rows).toHaveLength(3000);
    expect(some.rows).toEqual(all.rows.slice(0, 10));
    expect(some.bytes).toBeLessThan(all.bytes / 2);
  });

  test("any range is those rows of the whole", async () => {
    const pages = bytesOf("pages");
    const whole = { groups: (await readCounted(groups, {})).rows, pages: (await readCounted(pages, {})).rows };
    await fc.assert(
      fc.asyncProperty(fc.constantFrom("groups" as const, "pages" as const), fc.nat(3100), fc.nat(3100), async (name, from, to) => {
        const { rows } = await readCounted(name === "groups" ? groups : pages, { rows: { from, to } });
        expect(rows).toEqual(whole[name].slice(from, to));
      }),
      { numRuns: 40 },
    );
  });
});

// Bytes of pages are left as they are: the library takes their counts on trust, and a damaged one can cost it all of the memory.
test("a file whose description is damaged is read, or refused with what is wrong", async () => {
  const files = {
    "codec-zstd": {},
    "version-2": {},
    messages: {},
    pages: {},
    questions: { template: "{question}{choices.text}" },
    values: { template: "{long}{real}{flag}{day}{time}{price}{words}{label}" },
  };
  const names = Object.keys(files) as (keyof typeof files)[];
  const damage = fc.array(fc.tuple(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), fc.nat(255)), {
    minLength: 1,
    maxLength: 4,
  });
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...names), damage, async (name, changes) => {
      const bytes = bytesOf(name);
      const length = descriptionOf(bytes);
      for (const [place, value] of changes) bytes[bytes.length - 1 - Math.floor(place * length)] = value;
      const error = await readCounted(bytes, files[name]).then(
        () => undefined,
        (reason: unknown) => reason,
      );
      if (error !== undefined) expect(error).toBeInstanceOf(SecateurError);
    }),
    { numRuns: 500 },
  );
});

/** How many bytes at a file's end describe it. */
function descriptionOf(bytes: Uint8Array): number {
  return new DataView(bytes.buffer).getUint32(bytes.length - 8, true) + 8;
}
