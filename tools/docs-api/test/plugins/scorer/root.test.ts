import { describeScorer } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import root from "./root.ts";

describeScorer({ describe, it }, root);
describeScorer({ describe, it }, root, { options: { power: 2 } });
