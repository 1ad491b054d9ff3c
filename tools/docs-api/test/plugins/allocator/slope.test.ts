import { describeAllocator } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import slope from "./slope.ts";

describeAllocator({ describe, it }, slope);
describeAllocator({ describe, it }, slope, { options: () => ({ slope: -1 }) });
