/** A number of bytes in binary units: `812 B`, `256.6 MiB`. */
export function humanBytes(bytes: number): string {
  return scaled(bytes, 1024, ["B", "KiB", "MiB", "GiB", "TiB"]);
}

/** A large number in thousands, millions …: `134.5 M`. */
export function humanCount(count: number): string {
  return scaled(count, 1000, ["", "K", "M", "G", "T", "P"]);
}

/** Floating-point operations: `3.2 TFLOP`. */
export function humanFlops(flops: number): string {
  return scaled(flops, 1000, ["FLOP", "KFLOP", "MFLOP", "GFLOP", "TFLOP", "PFLOP", "EFLOP"]);
}

/** A whole number with commas between thousands: `32,768`. */
export function grouped(count: number): string {
  return Math.round(count).toLocaleString("en-US");
}

/** A length of time in at most two units: `0.4 s`, `12 s`, `1 min 20 s`, `2 h 5 min`. */
export function humanDuration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A share as a percentage: `50.0 %`. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

/** A number and its standard error, both to the error's second digit: `36.8 ± 4.0`. */
export function plusMinus(value: number, standardError: number): string {
  if (!(standardError > 0 && Number.isFinite(value))) return `${Number(value.toPrecision(5))} ± ${standardError}`;
  const decimals = Math.max(0, 1 - Math.floor(Math.log10(standardError)));
  return `${value.toFixed(decimals)} ± ${standardError.toFixed(decimals)}`;
}

/** A number and its noun, in the plural unless it is one. */
export function counted(count: number, noun: string): string {
  return `${grouped(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** An argument as a shell reads it back. */
export function shellQuoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", "'\\''")}'`;
}

function scaled(value: number, base: number, units: readonly string[]): string {
  let [scale, unit] = [value, 0];
  // What would be written as 1000.0 or 1024.0 is one of the next unit.
  while (unit < units.length - 1 && scale >= base - (unit === 0 ? 0 : 0.05)) [scale, unit] = [scale / base, unit + 1];
  return `${unit === 0 ? Math.round(scale) : scale.toFixed(1)} ${units[unit]}`.trim();
}
