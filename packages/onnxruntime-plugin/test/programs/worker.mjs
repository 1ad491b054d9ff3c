import { workerData } from "node:worker_threads";
import { register } from "tsx/esm/api";

// A worker does not inherit the loader that reads TypeScript.
register();
await import(workerData);
