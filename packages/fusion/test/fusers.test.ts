import { describeFuser, type FuserLaw } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import { fusers } from "../src/index.ts";

// By their nature: max ignores weights, task does not read general, mixture weighs roles on the scale that they have.
const EXCEPT: Readonly<Record<string, readonly FuserLaw[]>> = { max: ["vanishing weight"], task: ["vanishing weight"], mixture: ["scale"] };

for (const fuser of fusers) describeFuser({ describe, it }, fuser, { except: EXCEPT[fuser.name] ?? [] });
