/** A decimal number that was given as text, as command lines do; anything else as it is, for a schema to judge. */
export function numberFromText(value: unknown): unknown {
  return typeof value === "string" && /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(value.trim()) ? Number(value) : value;
}

/** True or false that was given as `true`, `false`, `1` or `0`; anything else as it is, for a schema to judge. */
export function booleanFromText(value: unknown): unknown {
  if (value === "true" || value === "1") return true;
  if (value === "false" || value === "0") return false;
  return value;
}
