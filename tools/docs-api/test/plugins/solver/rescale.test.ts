import { describeSolver } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import rescale from "./rescale.ts";

describeSolver({ describe, it }, rescale);
