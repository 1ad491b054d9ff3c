import { describeOptions } from "@secateur/kit/node";
import { expect, it } from "vitest";
import { tfjs } from "../src/index.ts";

it("has the options of the README", () => {
  expect(describeOptions(tfjs)).toMatchObject([
    { name: "runtime", default: "auto" },
    { name: "compute", default: "auto" },
    { name: "threads", default: 0 },
  ]);
});
