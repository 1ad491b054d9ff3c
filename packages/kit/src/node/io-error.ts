import { getSystemErrorMap } from "node:util";
import { SecateurError } from "../errors.ts";

// Where the system's own words are too short, or say nothing to a user.
const REASONS: Readonly<Record<string, string>> = {
  EDQUOT: "the disk quota is used up",
  EFBIG: "the file would be larger than the file system allows",
  EIO: "the device reported an error",
  EISDIR: "it is a folder",
  ERR_FS_EISDIR: "it is a folder",
  EMFILE: "too many open files",
  ENFILE: "too many open files",
  ENOENT: "no such file or folder",
  ENOTDIR: "a part of the path is not a folder",
  ENOSPC: "no space left on the device",
  EROFS: "the file system is read-only",
};

/** The SecateurError `io` for what the system answered; an error that is one already stays as it is. `action` is such as `write`. */
export function ioError(error: unknown, action: string, file: string, tensor?: string): SecateurError {
  if (error instanceof SecateurError) return error;
  const { errno, message } = error as Partial<NodeJS.ErrnoException>;
  const reason =
    REASONS[errorCode(error) ?? ""] ?? (errno === undefined ? undefined : getSystemErrorMap().get(errno)?.[1]) ?? message ?? String(error);
  const subject = tensor === undefined ? "" : ` (tensor ${JSON.stringify(tensor)})`;
  return new SecateurError("io", `cannot ${action} ${file}${subject}: ${reason}`, {
    where: tensor === undefined ? { file } : { file, tensor },
    cause: error,
  });
}

/** The system's code of an error, such as `ENOENT`. */
export function errorCode(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined;
  return typeof code === "string" ? code : undefined;
}
