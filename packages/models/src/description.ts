import type { Program } from "@secateur/graph";
import type { Config } from "./config.ts";
import type { Rotary } from "./rotary.ts";

/** The input of every block program: hidden states (batch, tokens, hidden). */
export const HIDDEN = "hidden";
/** The output of every block program: the hidden states after it, of the same shape. */
export const NEXT_HIDDEN = "nextHidden";
/** The input of block programs that use rotary positions: the cosines of the angles (tokens, headDim / 2). */
export const COS = "cos";
/** The sines beside `COS`, of the same shape. */
export const SIN = "sin";
/** The input of the loss program: the token that should follow each one, (batch, tokens). */
export const TARGET = "target";

/** One decoder block: its computation over weights whose names, after `prefix`, are the tensors' in the file. */
export interface BlockDescription {
  readonly prefix: string;
  readonly program: Program;
  /** How many of the latest tokens its attention sees; 0 when all. */
  readonly window: number;
}

/** What follows the last block. Weights are named as in the file. */
export interface HeadDescription {
  /** `hidden` → `logits` (batch, tokens, vocabulary). */
  readonly logits: Program;
  /** `hidden` and `target` → `loss` (batch, tokens), −log p(target), and `best` (batch, tokens), the likeliest token. */
  readonly loss: Program;
  /** The output matrix is the embedding. */
  readonly tied: boolean;
}

/** A language model as programs: what is needed to run it, whatever its architecture. */
export interface ModelDescription {
  readonly modelType: string;
  readonly hidden: number;
  readonly vocabulary: number;
  /** The longest sequence it was made for, in tokens. */
  readonly positions: number;
  readonly embedding: { readonly tensor: string };
  readonly rotary: Rotary;
  readonly blocks: readonly BlockDescription[];
  readonly head: HeadDescription;
  /** Every tensor that the programs read, with the shape that config.json asks for. */
  readonly tensors: ReadonlyMap<string, readonly number[]>;
}

/** An architecture: how a config becomes a model's description. */
export interface Architecture {
  /** `model_type` in config.json. */
  readonly modelType: string;
  /** Throws SecateurError `format` for a config that makes no sense and `unsupported` for one that this architecture does not cover. */
  describe(config: Config): ModelDescription;
}
