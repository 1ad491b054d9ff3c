import { readdir, stat } from "node:fs/promises";
import { totalmem } from "node:os";
import { join } from "node:path";
import type { Backend } from "@secateur/kit";
import { formatFor } from "@secateur/kit/node";
import { describeModel } from "@secateur/models";
import { createEngine, type Engine, type HeldWeights, holdWeights } from "@secateur/runner";
import { type ChatTemplate, chatTemplate, endTokens, modelTokenizer, type Tokenizer } from "@secateur/text";
import { builtIns } from "../wiring.ts";
import { type TokenTexts, tokenTexts } from "./token-text.ts";

/** A model that is open for answers. */
export interface ServedModel {
  readonly engine: Engine;
  /** Those that stay on the backend from one answer to the next. */
  readonly weights: HeldWeights;
  /** Throws SecateurError for a model without one. */
  tokenizer(): Tokenizer;
  /** Throws SecateurError for a model without one. */
  template(): ChatTemplate;
  texts(): TokenTexts;
  readonly endTokens: readonly number[];
}

/** Models that are open. */
export interface ServedModels {
  /** Whether a model is open, or one may be opened by now. */
  hasRoom(path: string): boolean;
  /** Opens a model, or gives the one that is; it stays open until it is given back, and as a rule longer. Throws SecateurError for what cannot be opened. */
  take(path: string): Promise<ServedModel>;
  giveBack(model: ServedModel): void;
}

interface Entry {
  readonly path: string;
  /** When its files were written. */
  readonly print: string;
  readonly model: ServedModel;
  close(): Promise<void>;
  users: number;
  usedAt: number;
}

// Two are compared side by side.
const OPEN = 2;
// So long does a model stay open that nobody asks, where others are asked.
const UNUSED_MS = 300_000;
// Weights of a model take this share of the memory at most; those past it are read at every step.
const MEMORY_SHARE = 1 / 4;

/** Models that compute on a backend. The one that was used the longest ago makes room for another. */
export function createModels(backend: Backend): ServedModels {
  const entries: Entry[] = []; // by their last use
  const unused = (): Entry[] => entries.filter(({ users }) => users === 0);

  async function close(entry: Entry): Promise<void> {
    entries.splice(entries.indexOf(entry), 1);
    await entry.close();
  }

  return {
    hasRoom: (path) => entries.length < OPEN || unused().length > 0 || entries.some((entry) => entry.path === path),
    async take(path) {
      const print = await printOf(path);
      for (const entry of unused()) if (performance.now() - entry.usedAt > UNUSED_MS) await close(entry);
      const known = entries.find((entry) => entry.path === path && entry.print === print);
      const [longest] = unused();
      if (!known && entries.length >= OPEN && longest) await close(longest);
      const entry = known ?? { path, print, ...(await openModel(path, backend)), users: 0, usedAt: 0 };
      if (!known) entries.push(entry);
      entry.users++;
      return entry.model;
    },
    giveBack(model) {
      const at = entries.findIndex((entry) => entry.model === model);
      const [entry] = entries.splice(at, 1) as [Entry]; // it was taken
      entry.users--;
      entry.usedAt = performance.now();
      entries.push(entry);
    },
  };
}

async function openModel(path: string, backend: Backend): Promise<Pick<Entry, "model" | "close">> {
  const format = await formatFor(builtIns().formats, path);
  const opened = await format.open(path);
  try {
    const engine = createEngine(opened, describeModel(opened), backend);
    const weights = holdWeights(engine, totalmem() * MEMORY_SHARE);
    const tokenizer = (): Tokenizer => modelTokenizer(opened);
    const template = once(() => chatTemplate(tokenizer().files, tokenizer().source));
    return {
      model: {
        engine,
        weights,
        tokenizer,
        template,
        texts: once(() => tokenTexts(opened.tokenizer && tokenizer())),
        endTokens: endTokens(opened.config, opened.generationConfig, opened.tokenizer && tokenizer()),
      },
      async close() {
        weights.release();
        await engine.release();
        await opened.close();
      },
    };
  } catch (error) {
    await opened.close();
    throw error;
  }
}

/** What changes when a folder's files are written again. */
async function printOf(path: string): Promise<string> {
  const names = await readdir(path).catch(() => []);
  const found = await Promise.all(names.sort().map((name) => stat(join(path, name)).catch(() => undefined)));
  return names.map((name, i) => `${name} ${found[i]?.ino} ${found[i]?.size} ${found[i]?.mtimeMs}`).join("\n");
}

function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
