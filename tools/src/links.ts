import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * The relative links of markdown files that lead nowhere, one line a link: to no file or folder, or to no heading of a page. A link to a folder stands for the README in it.
 * Links into `docs/api` are left to the build of the reference, which writes that folder and knows what will be in it.
 */
export function brokenLinks(root: string, files: readonly string[]): string[] {
  return files.flatMap((file) =>
    linksOf(readFileSync(join(root, file), "utf8")).flatMap(({ target, line }) => {
      const [path = "", anchor] = decodeURI(target).split("#");
      const goal = path === "" ? file : join(dirname(file), path);
      if (goal.startsWith(join("docs", "api"))) return [];
      if (!existsSync(join(root, goal))) return [`${file}, line ${line}: ${target} leads to no file or folder`];
      if (anchor === undefined || headingsOf(join(root, goal)).has(anchor)) return [];
      return [`${file}, line ${line}: ${goal} has no heading #${anchor}`];
    }),
  );
}

interface Link {
  readonly target: string;
  /** 1-based. */
  readonly line: number;
}

/** Inline links and images, and what `[name]: target` defines, outside of code. */
function linksOf(markdown: string): Link[] {
  return textLines(markdown).flatMap((text, i) =>
    [...text.matchAll(/\]\(<?([^)\s>]+)>?[^)]*\)|^\s*\[[^\]]+\]:\s*(\S+)/g)].flatMap(([, inline, defined]) => {
      const target = inline ?? defined ?? "";
      return /^[a-z][a-z+.-]*:|^\/\//i.test(target) ? [] : [{ target, line: i + 1 }];
    }),
  );
}

/** The anchors of a page's headings, made as GitHub makes them; none of what is no page. */
function headingsOf(path: string): ReadonlySet<string> {
  const page = statSync(path).isDirectory() ? join(path, "README.md") : path;
  if (!page.endsWith(".md") || !existsSync(page)) return new Set();
  const seen = new Map<string, number>();
  const anchors = textLines(readFileSync(page, "utf8"), false).flatMap((text) => {
    const [, heading] = /^#{1,6} (.+?)\s*#*$/.exec(text) ?? [];
    if (heading === undefined) return [];
    const slug = heading
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replace(/\s/g, "-");
    const before = seen.get(slug) ?? 0;
    seen.set(slug, before + 1);
    return [before === 0 ? slug : `${slug}-${before}`];
  });
  return new Set(anchors);
}

/** The lines of a text, those of code blocks empty, and without what stands between backticks unless it is kept. */
function textLines(markdown: string, dropCode = true): string[] {
  let fence: string | undefined;
  return markdown.split("\n").map((text) => {
    const [, mark] = /^\s*(`{3,}|~{3,})/.exec(text) ?? [];
    if (fence !== undefined) {
      if (mark?.startsWith(fence)) fence = undefined;
      return "";
    }
    fence = mark;
    return mark !== undefined ? "" : dropCode ? text.replace(/`[^`]*`/g, "") : text;
  });
}
