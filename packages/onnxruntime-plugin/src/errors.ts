/** What went wrong, for programs. */
export type OnnxRuntimeErrorCode =
  /** The shared library is missing, does not load, or is not ONNX Runtime. */
  | "library"
  /** ONNX Runtime is of a version that this package has not been tried with. */
  | "version"
  /** A value of the wrong kind, shape, name or origin. */
  | "argument"
  /** Something was used after its release, or released twice. */
  | "released"
  /** Something cannot be released or removed while a run uses it. */
  | "busy"
  /** A tensor's memory is gone: its buffer was detached or transferred. */
  | "memory"
  /** A provider library is missing, is none, or was registered already. */
  | "provider"
  /** ONNX Runtime itself refused; `status` says what it calls the reason. */
  | "runtime";

/** Every error of this package. */
export class OnnxRuntimeError extends Error {
  override readonly name = "OnnxRuntimeError";
  readonly code: OnnxRuntimeErrorCode;
  /** ONNX Runtime's own name for the reason, such as `INVALID_GRAPH`, where it gave one. */
  readonly status: string | undefined;

  constructor(code: OnnxRuntimeErrorCode, message: string, options: { readonly status?: string; readonly cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.status = options.status;
  }
}
