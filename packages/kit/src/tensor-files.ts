import type { DType, Tensor } from "@secateur/tensor";

/** What a file of tensors says of one of them. */
export interface TensorEntry {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A file of named tensors that is open for reading. */
export interface OpenTensorFile {
  readonly path: string;
  /** Texts that stand beside the tensors. */
  readonly metadata: Readonly<Record<string, string>>;
  readonly tensors: ReadonlyMap<string, TensorEntry>;
  /** One tensor's data. Throws SecateurError `not-found` for an unknown name, `io` when the file has changed or ended. */
  read(name: string): Promise<Tensor>;
  /** Closes the file, after which it cannot be read. */
  close(): Promise<void>;
}

/** A file of tensors that is being written. It has its name only once it is closed. */
export interface TensorFileSink {
  /** Writes a tensor, each once and in any order. Throws SecateurError `internal` for one that was not laid out, `io`. */
  write(name: string, tensor: Tensor): Promise<void>;
  /** Puts everything on disk and gives the file its name. Throws SecateurError `internal` when a tensor was never written. */
  close(): Promise<void>;
  /** Gives the file up: nothing of it stays. */
  discard(): Promise<void>;
}

/** Reads and writes single files of named tensors, such as statistics: what a format of models does for models. */
export interface TensorFiles {
  readonly name: string;
  /** Opens a file and checks its header. Throws SecateurError `not-found`, `format`, `unsupported` or `io`. */
  open(path: string): Promise<OpenTensorFile>;
  /**
   * Lays out a file of these tensors under another name beside `path`, which takes its name when it is closed. Throws SecateurError `exists` for a file that is
   * there unless `force`, and for a folder; `io`, also for a disk without the space.
   */
  create(
    path: string,
    tensors: ReadonlyMap<string, TensorEntry>,
    metadata: Readonly<Record<string, string>>,
    options?: { readonly force?: boolean },
  ): Promise<TensorFileSink>;
}
