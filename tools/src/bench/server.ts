import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";

/** How a server bears readers. */
export interface ServerLoad {
  /** Delay of its event loop, in milliseconds. */
  readonly p99: number;
  readonly max: number;
  /** Events that readers have had of jobs that computed. */
  readonly events: number;
}

const BIN = fileURLToPath(new URL("../../../apps/server/dist/bin.js", import.meta.url));
const SECONDS = 20;

/**
 * Starts a server on the folder of a model with its data, gives it `jobs` prunes, has `readers` clients read their progress, and looks at its event loop while one
 * computes. Throws when a reader or a request meets an error.
 */
export async function measureServer(
  folder: string,
  model: string,
  { readers, jobs }: { readonly readers: number; readonly jobs: number },
): Promise<ServerLoad> {
  const args = ["serve", "--home", join(folder, "home"), "--models", folder, "--data", model, "--port", "0", "--max-queue", String(jobs)];
  const child = spawn(process.execPath, [BIN, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const leaving = new AbortController();
  try {
    const url = await addressOf(child);
    const list = async (what: string): Promise<readonly { readonly id: string; readonly name: string }[]> =>
      ((await asked(`${url}/api/${what}`)) as Readonly<Record<string, []>>)[what] ?? [];
    const idOf = async (what: string, name: string): Promise<string> => {
      const found = (await list(what)).find((one) => one.name === name);
      if (!found) throw new Error(`the server lists no ${name} among its ${what}`);
      return found.id;
    };
    const recipe = {
      model: await idOf("models", "smollm2"),
      general: [{ source: await idOf("data", "general.jsonl") }],
      seqLen: 512,
      sparsity: 0.5,
    };
    const body = JSON.stringify({ kind: "prune", recipe });
    const ids: string[] = [];
    for (let i = 0; i < jobs; i++) {
      const made = (await asked(`${url}/api/jobs`, { method: "POST", body, headers: { "Content-Type": "application/json" } })) as {
        id: string;
      };
      ids.push(made.id);
    }
    let events = 0;
    const reading = Array.from({ length: readers }, async (_, i) => {
      const response = await fetch(`${url}/api/jobs/${ids[i % jobs]}/events`, { signal: leaving.signal });
      if (response.status !== 200 || response.body === null) throw new Error(`a reader was answered ${response.status}`);
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) events += chunk.split("\nevent: ").length;
      throw new Error("a reader was cut off before its job was done");
    });
    const ended = Promise.all(reading).catch((error: unknown) => {
      if (!leaving.signal.aborted) throw error;
    });
    await Promise.race([sleep(5000), ended]); // until the first job computes
    await delaysOf(url); // what was before does not count
    await Promise.race([sleep(SECONDS * 1000), ended]);
    const delays = await delaysOf(url);
    leaving.abort();
    await ended;
    return { ...delays, events };
  } finally {
    leaving.abort();
    child.kill("SIGTERM");
    await once(child, "exit");
  }
}

function addressOf(child: { readonly stdout: NodeJS.ReadableStream; once(event: "exit", then: () => void): unknown }): Promise<string> {
  let log = "";
  return new Promise((resolve, reject) => {
    child.once("exit", () => reject(new Error(`the server does not listen: ${log}`)));
    child.stdout.on("data", (chunk) => {
      log += chunk;
      const url = /"url":"([^"]+)"/.exec(log)?.[1];
      if (url !== undefined) resolve(url);
    });
  });
}

async function asked(url: string, init?: RequestInit): Promise<unknown> {
  const response = await fetch(url, init);
  if (!response.ok) throw new Error(`${url} was answered ${response.status}: ${await response.text()}`);
  return response.json();
}

/** The event loop's delays since they were asked for last, in milliseconds. */
async function delaysOf(url: string): Promise<{ readonly p99: number; readonly max: number }> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  const of = (name: string): number => 1000 * Number(new RegExp(`^nodejs_eventloop_lag_${name}_seconds (\\S+)`, "m").exec(metrics)?.[1]);
  return { p99: of("p99"), max: of("max") };
}
