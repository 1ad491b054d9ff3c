import type { DType, Tensor } from "@secateur/tensor";

/** A tensor as a model's headers describe it. */
export interface TensorInfo {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The weight file that holds it, relative to the model. */
  readonly file: string;
}

/** A model's parsed JSON: objects, arrays, strings, numbers, booleans, null. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [key: string]: Json };

/** The model's tokenizer as its files give it. */
export interface TokenizerFiles {
  readonly tokenizer: { readonly [key: string]: Json };
  readonly config: { readonly [key: string]: Json };
  /** A chat template from a file of its own, which goes before the one in `config`. */
  readonly chatTemplate?: string;
}

/** A model opened for reading: headers only until a tensor is asked for. */
export interface OpenModel {
  /** The path as the user named it. */
  readonly source: string;
  readonly format: string;
  readonly config: { readonly [key: string]: Json };
  /** generation_config.json, where there is one. */
  readonly generationConfig: { readonly [key: string]: Json } | undefined;
  /** Absent when the model has no tokenizer files. */
  readonly tokenizer: TokenizerFiles | undefined;
  /** In the order of the files and of the data in them. */
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Files that hold no weights, relative to the model, with their sizes in bytes. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
  /** One tensor's data. Throws SecateurError `not-found` for an unknown name, `io` when the file has changed or ended. */
  read(name: string): Promise<Tensor>;
  /** Some rows of a tensor, along its first axis, by number; rows may repeat. */
  readRows(name: string, rows: Iterable<number>): Promise<Tensor>;
  /** A hash of all of the model's weights and its config, `sha256:…`, independent of how its files are split. */
  hash(): Promise<string>;
  /** Closes the files; every read after it throws SecateurError `io`. */
  close(): Promise<void>;
}

/** A model being written. Tensors come in any order, each once; what is written is on disk when `flush` returns. */
export interface WeightSink {
  /** Writes a tensor. Throws SecateurError `internal` for a name, dtype or shape that the source does not have and for a second write, `io`. */
  write(name: string, tensor: Tensor): Promise<void>;
  /** Writes a tensor of the source as it is, piece by piece, however large. */
  copy(name: string): Promise<void>;
  /** A tensor that an earlier, interrupted run has written here. */
  readBack(name: string): Promise<Tensor>;
  /** Puts everything that was written on disk. Throws SecateurError `io`. */
  flush(): Promise<void>;
  /** Ends the files. Throws SecateurError `internal` when a tensor was never written. */
  close(): Promise<void>;
}

/** Reads and writes models of one format. */
export interface Format {
  readonly name: string;
  readonly summary: string;
  /** Whether a path looks like a model of this format; reads no more than names and a few bytes. */
  probe(source: string): Promise<boolean>;
  /** Opens a model and checks all its headers. Throws SecateurError `not-found`, `format` or `unsupported`. */
  open(source: string): Promise<OpenModel>;
  /**
   * Starts (or, with `resume`, continues) writing into the folder `target` a model like `source`: the same tensors, files and order, and a copy
   * of every other file. `written` tells which tensors an earlier run has finished.
   */
  create(target: string, source: OpenModel, options?: { readonly resume?: ReadonlySet<string> }): Promise<WeightSink>;
}
