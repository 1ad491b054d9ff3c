/** The same value with the server's paths replaced by what clients call them, in all of its texts. */
export function hidePaths<Value>(value: Value, names: ReadonlyMap<string, string>): Value {
  if (typeof value === "string") {
    let text: string = value;
    // A path may begin with another one.
    for (const [path, name] of [...names].sort(([a], [b]) => b.length - a.length)) text = text.replaceAll(path, name);
    return text as Value & string;
  }
  if (Array.isArray(value)) return value.map((item) => hidePaths(item, names)) as Value;
  if (typeof value !== "object" || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [hidePaths(key, names), hidePaths(item, names)])) as Value;
}
