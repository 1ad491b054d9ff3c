export { createReferenceBackend, default, type ReferenceOptions, reference } from "./backend.ts";
