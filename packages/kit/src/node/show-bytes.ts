/** A size for messages, in the largest unit that it is a whole number of: `64 MiB`. */
export function showBytes(bytes: number): string {
  const units = ["bytes", "KiB", "MiB", "GiB"];
  let unit = 0;
  let value = bytes;
  for (; unit < units.length - 1 && value >= 1024 && value % 1024 === 0; unit++) value /= 1024;
  return `${value} ${units[unit]}`;
}
