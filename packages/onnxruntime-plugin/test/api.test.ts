import { expect, it } from "vitest";
import { checkVersion } from "../src/api.ts";
import { failureOf } from "./support.ts";

it("takes the versions that were tried, and no other", async () => {
  for (const version of ["1.22.0", "1.24.3", "1.30.1"]) checkVersion(version, "lib");
  for (const version of ["1.21.1", "1.31.0", "2.0.0", "", "1.x.0"])
    expect(await failureOf(() => checkVersion(version, "lib"))).toEqual(["version", `lib is ONNX Runtime ${version}, wanted 1.22 to 1.30`]);
});
