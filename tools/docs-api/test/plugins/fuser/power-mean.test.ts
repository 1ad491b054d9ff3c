import { describeFuser } from "@secateur/kit/testing";
import { describe, it } from "vitest";
import powerMean from "./power-mean.ts";

describeFuser({ describe, it }, powerMean);
