/**
 * The module specifiers that a TypeScript file imports or exports from, in their order: `import … from "x"`, `export … from "x"`, `import "x"`,
 * `import("x")`, `import.meta.resolve("x")` and `require.resolve("x")`, which bundlers number. What stands in comments, strings and template texts is not code and is not counted.
 */
export function importSpecifiers(source: string): string[] {
  const { code, strings } = maskStrings(source);
  const found: string[] = [];
  for (const [, index] of code.matchAll(/(?:\bfrom|\bimport|\bimport\s*\(|\b(?:import\.meta|require\d*)\.resolve\()\s*"(\d+)"/g)) {
    found.push(strings[Number(index)] as string); // the mask numbers each string that it takes out
  }
  return found;
}

/** The source without comments, each string replaced by its number in quotes, and template texts and regular expressions emptied. */
function maskStrings(source: string): { readonly code: string; readonly strings: readonly string[] } {
  const strings: string[] = [];
  const braces: number[] = []; // of each `${` that is open, how many braces are open in it
  let code = "";
  let at = 0;
  const skip = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? "";
    at += Math.max(text.length, 1);
    return text;
  };
  const template = () => {
    const text = skip(/(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)?/y);
    if (text.endsWith("${")) braces.push(0);
  };
  while (at < source.length) {
    const char = source[at] as string;
    if (source.startsWith("//", at)) skip(/[^\n]*/y);
    else if (source.startsWith("/*", at)) skip(/\/\*[\s\S]*?(?:\*\/|$)/y);
    else if (char === '"' || char === "'") {
      const text = skip(char === '"' ? /"(?:\\[\s\S]|[^"\\\n])*"?/y : /'(?:\\[\s\S]|[^'\\\n])*'?/y);
      code += `"${strings.push(text.slice(1, -1)) - 1}"`;
    } else if (char === "/" && startsRegex(code)) {
      skip(/\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y);
      code += "0";
    } else if (char === "`" || (char === "}" && braces.at(-1) === 0)) {
      if (char === "}") braces.pop();
      at++;
      template();
      code += " ";
    } else {
      const open = braces.length - 1;
      if (open >= 0 && char === "{") braces[open] = (braces[open] as number) + 1;
      if (open >= 0 && char === "}") braces[open] = (braces[open] as number) - 1;
      code += char;
      at++;
    }
  }
  return { code, strings };
}

/** Whether a slash after this code begins a regular expression, as against a division. */
function startsRegex(code: string): boolean {
  return /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|of|in))\s*$/.test(code);
}
