import { isAbsolute, relative } from "node:path";

let names: ReadonlyMap<string, string> = new Map();

/**
 * From now on, what this process writes calls these paths by these names: for a program whose users know data by other names than their places. All others are
 * written as they were given, absolute ones relative to the present folder.
 */
export function showPathsAs(given: ReadonlyMap<string, string>): void {
  names = given;
}

/** A path as files of a run have it. Relative where nothing else is said, so that no file tells how a machine is laid out. */
export function shownPath(path: string): string {
  return names.get(path) ?? (isAbsolute(path) ? relative(process.cwd(), path) || "." : path);
}
