import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describeFormat } from "@secateur/kit/testing";
import { afterAll, describe, expect, it } from "vitest";
import pieces from "./pieces.ts";

const root = await mkdtemp(join(tmpdir(), "pieces-"));
afterAll(() => rm(root, { recursive: true }));
const newFolder = (): Promise<string> => mkdtemp(join(root, "model-"));

const TENSORS = [
  { name: "weight", dtype: "F32", shape: [3, 2] },
  { name: "norm", dtype: "BF16", shape: [4] },
];

async function makeModel(tensors: unknown = TENSORS): Promise<string> {
  const folder = await newFolder();
  await writeFile(join(folder, "model.json"), JSON.stringify({ config: { model_type: "tiny" }, tensors }));
  await writeFile(join(folder, "0.bin"), new Uint8Array(Float32Array.of(1, -2, 3, -4, 5, Number.NaN).buffer));
  await writeFile(join(folder, "1.bin"), Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8));
  await writeFile(join(folder, "LICENSE"), "as you like\n");
  return folder;
}

describeFormat({ describe, it }, "pieces", { format: pieces, makeModel, makeTarget: async () => join(await newFolder(), "out") });

it.each([
  ["a dtype that there is not", [{ ...TENSORS[0], dtype: "F12" }], /tensor 0 wants a name, a dtype and a shape/],
  ["a size below 0", [{ ...TENSORS[0], shape: [-3, -2] }], /tensor 0 wants/],
  ["a shape of another size than the file", [{ ...TENSORS[0], shape: [3, 3] }], /0.bin has 24 bytes, wanted 36/],
  ["one name twice", [TENSORS[0], TENSORS[0]], /two tensors have one name/],
])("refuses a header with %s", async (_, tensors, message) => {
  await expect(pieces.open(await makeModel(tensors))).rejects.toMatchObject({ code: "format", message: expect.stringMatching(message) });
});
