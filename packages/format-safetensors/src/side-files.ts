import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ioError } from "@secateur/kit/node";
import { withBaseModel } from "./card.ts";
import { INDEX, modelName } from "./directory.ts";
import { CHUNK_BYTES, placeFile, readAt, writeAt } from "./io.ts";
import type { SafetensorsModel } from "./open.ts";

const CARD = "README.md";

/**
 * Copies a model's other files into `target` as plain files, whatever links they were, and writes the index when there is one. With `resume`
 * a file of the right size, which is a finished one, is left alone.
 */
export async function copySideFiles(source: SafetensorsModel, target: string, label: string, resume: boolean): Promise<void> {
  for (const { name } of source.files) {
    const content = name === CARD ? await readCard(source) : undefined;
    const bytes = content?.length ?? (await sizeOf(join(source.path, name)));
    const path = join(target, name);
    if (resume && bytes !== undefined && (await sizeOf(path)) === bytes) continue;
    if (content !== undefined) await placeFile(path, join(label, name), (handle) => writeAt(handle, content, 0));
    else await copyFile(join(source.path, name), join(source.source, name), path, join(label, name));
  }
  if (source.index === undefined) return;
  const index = encodeIndex(source);
  await placeFile(join(target, INDEX), join(label, INDEX), (handle) => writeAt(handle, index, 0));
}

/** The source's index with the total counted again, since other tools are known to leave an old one. */
function encodeIndex(source: SafetensorsModel): Uint8Array {
  let total = 0;
  for (const { tensors } of source.shards.values()) {
    for (const entry of tensors) total += entry.end - entry.begin;
  }
  const metadata = source.index?.content.metadata;
  const kept = typeof metadata === "object" && metadata !== null ? metadata : {};
  return Buffer.from(`${JSON.stringify({ ...source.index?.content, metadata: { ...kept, total_size: total } }, null, 2)}\n`);
}

async function readCard(source: SafetensorsModel): Promise<Uint8Array> {
  try {
    return withBaseModel(await readFile(join(source.path, CARD)), await modelName(source.path));
  } catch (error) {
    throw ioError(error, "read", join(source.source, CARD));
  }
}

/** In pieces rather than by the system's copy, which would also copy the permissions: files of a cache are often read-only. */
async function copyFile(from: string, fromLabel: string, to: string, toLabel: string): Promise<void> {
  const input = await open(from, "r").catch((error: unknown) => {
    throw ioError(error, "read", fromLabel);
  });
  try {
    await placeFile(to, toLabel, async (output) => {
      const buffer = new Uint8Array(CHUNK_BYTES);
      for (let position = 0; ; ) {
        const read = await readAt(input, buffer, position).catch((error: unknown) => {
          throw ioError(error, "read", fromLabel);
        });
        await writeAt(output, buffer.subarray(0, read), position);
        position += read;
        if (read < buffer.length) break;
      }
    });
  } finally {
    await input.close();
  }
}

async function sizeOf(path: string): Promise<number | undefined> {
  return (await stat(path).catch(() => undefined))?.size;
}
