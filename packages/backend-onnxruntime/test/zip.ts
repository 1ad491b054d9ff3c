import { writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";

/** A file in a zip file, stored as it is. */
export interface ZipEntry {
  readonly name: string;
  readonly text: string;
  /** Its mode on Unix, such as 0o120777 for a symbolic link. */
  readonly mode?: number;
  /** What the file says of its checksum; the true one when left out. */
  readonly crc?: number;
}

/** Writes a zip file whose names nobody has looked at. */
export async function writeZip(path: string, entries: readonly ZipEntry[]): Promise<void> {
  const [bodies, directory]: [Buffer[], Buffer[]] = [[], []];
  let offset = 0;
  for (const { name, text, mode = 0o100644, crc } of entries) {
    const [fileName, data] = [Buffer.from(name), Buffer.from(text)];
    const common = Buffer.alloc(26);
    common.writeUInt16LE(20, 0); // version needed
    common.writeUInt32LE(crc ?? crc32(data), 10);
    common.writeUInt32LE(data.length, 14);
    common.writeUInt32LE(data.length, 18);
    common.writeUInt16LE(fileName.length, 22);
    const local = Buffer.concat([Buffer.from("PK\x03\x04"), common, fileName, data]);
    const tail = Buffer.alloc(14);
    tail.writeUInt32LE((mode * 2 ** 16) >>> 0, 6);
    tail.writeUInt32LE(offset, 10);
    directory.push(Buffer.concat([Buffer.from("PK\x01\x02"), Buffer.of(20, 3), common, tail, fileName])); // made on Unix
    bodies.push(local);
    offset += local.length;
  }
  const central = Buffer.concat(directory);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(entries.length, 4);
  end.writeUInt16LE(entries.length, 6);
  end.writeUInt32LE(central.length, 8);
  end.writeUInt32LE(offset, 12);
  await writeFile(path, Buffer.concat([...bodies, central, Buffer.from("PK\x05\x06"), end]));
}
