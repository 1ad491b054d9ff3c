import { describeOptions } from "@secateur/kit/node";
import { expect, it } from "vitest";
import { tfjs } from "../src/index.ts";

it("has one option, and a default for it", () => {
  expect(describeOptions(tfjs)).toMatchObject([{ name: "runtime", default: "auto" }]);
});
