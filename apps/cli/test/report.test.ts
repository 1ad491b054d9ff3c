import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { compareReport, reportOf } from "@secateur/report";
import { describe, test } from "vitest";
import { run, workFolder } from "./run-cli.ts";

const DATA = ["--general", "llama/calibration.jsonl", "--task", "a=llama/task-a.jsonl"];
const PRUNE = ["prune", "llama", ...DATA, "--sparsity", "0.5"];

function read(folder: string, ...names: string[]): string {
  return readFileSync(join(folder, ...names), "utf8");
}

describe.concurrent("prune", () => {
  test("leaves a page of what it did, the same in equal runs", async (context) => {
    const folder = workFolder(context);
    const { code, out } = await run(folder, ...PRUNE, "--out", "one");
    await run(folder, ...PRUNE, "--out", "two");
    context.expect(code).toBe(0);
    context.expect(out).toMatch(/^report +one\/report\.html$/m);
    const page = read(folder, "one", "report.html");
    context.expect(page).toBe(reportOf(JSON.parse(read(folder, "one", "secateur.json")), "secateur.json"));
    context.expect(read(folder, "two", "report.html")).toBe(page);
  });

  test("leaves a page with the command that prunes the same again", async (context) => {
    const folder = workFolder(context);
    const options = [
      "--scorer",
      "fisher",
      "--solver",
      "sparsegpt",
      "--fusion",
      "shared-exclusive",
      "--fusion-option",
      "tau=0.2",
      "--weight",
      "a=0.25",
      "--exclude",
      "*v_proj*",
    ];
    await run(folder, ...PRUNE, ...options, "--field", "a:input_ids=input_ids", "--no-pack", "--seed", "3", "--out", "one");
    const [, line = ""] = /<pre><code>secateur (.*) --out OUT<\/code>/.exec(read(folder, "one", "report.html")) ?? [];
    const words = line.replaceAll("&#39;", "'").split(" ");
    const { code } = await run(folder, ...words.map((word) => word.replaceAll("'", "")), "--out", "two");
    context.expect(code).toBe(0);
    const weights = (name: string): string =>
      createHash("sha256")
        .update(readFileSync(join(folder, name, "model.safetensors")))
        .digest("hex");
    context.expect(weights("two")).toBe(weights("one"));
    context.expect(read(folder, "two", "secateur.json")).toBe(read(folder, "one", "secateur.json"));
  });
});

describe.concurrent("compare", () => {
  const COMPARE = ["compare", "llama", ...DATA, "--sparsity", "0.5", "--mixture", "0.5", "--fusion", "max"];

  test("writes JSON or a page, as the file's name says", async (context) => {
    const folder = workFolder(context);
    const [json, html] = [await run(folder, ...COMPARE, "--out", "a.json"), await run(folder, ...COMPARE, "--out", "b.html")];
    context.expect([json.code, html.code]).toEqual([0, 0]);
    context.expect(html.out).toContain("\nwritten to b.html\n");
    const comparison = JSON.parse(read(folder, "a.json"));
    context
      .expect(comparison)
      .toMatchObject({ input: { mixtures: [0.5], rules: [{ name: "max", fusion: "max" }] }, model: { modelType: "llama" } });
    context.expect(comparison.model.hash).toMatch(/^sha256:/);
    context.expect(comparison.plan.evaluation.map(({ hash }: { hash: string }) => hash.slice(0, 7))).toEqual(["sha256:", "sha256:"]);
    context.expect(read(folder, "b.html")).toBe(compareReport(comparison));

    const { code, out } = await run(folder, "report", "a.json");
    context.expect([code, out]).toEqual([0, "written to a.html\n"]);
    context.expect(read(folder, "a.html")).toBe(read(folder, "b.html"));

    const [, line = ""] = /<pre><code>secateur (.*) --out OUT.html<\/code>/.exec(read(folder, "a.html")) ?? [];
    await run(folder, ...line.split(" "), "--out", "again.json");
    context.expect(read(folder, "again.json")).toBe(read(folder, "a.json"));
  });

  test("refuses a file of another kind before anything is done", async (context) => {
    const { code, err } = await run(workFolder(context), ...COMPARE, "--out", "a.txt");
    context.expect([code, err]).toEqual([2, "error: --out a.txt: wanted a file whose name ends in .json or .html\n"]);
  });
});

describe.concurrent("report", () => {
  test("makes a pruned model's page anew, and replaces one only when it is told to", async (context) => {
    const folder = workFolder(context);
    await run(folder, "prune", "llama", "--scorer", "magnitude", "--sparsity", "0.5", "--out", "one");
    const there = await run(folder, "report", "one");
    context.expect([there.code, there.err]).toEqual([2, "error: --out one/report.html exists: give another, or --force to replace it\n"]);
    writeFileSync(join(folder, "one", "report.html"), "old");
    const made = await run(folder, "report", "one", "--force", "--json");
    const page = read(folder, "one", "report.html");
    context.expect(JSON.parse(made.out)).toEqual({ out: "one/report.html", bytes: Buffer.byteLength(page) });
    const other = await run(folder, "report", "one/secateur.json", "--out", "other.html");
    context.expect(other.out).toBe("written to other.html\n");
    context.expect(read(folder, "other.html")).toBe(page);
  });

  const REFUSED: readonly (readonly [what: string, args: readonly string[], message: string])[] = [
    ["nothing", ["nowhere"], "there is no file nowhere: a report is of a pruned model's folder, or of the JSON of a comparison"],
    ["a model that is not pruned", ["llama"], "there is no file llama/secateur.json"],
    ["what is no JSON", ["broken.json"], "broken.json is no JSON: "],
    ["other JSON", ["other.json"], "other.json is nothing to make a report of: it has neither the tensors of a prune"],
    ["another ending", ["other.json", "--out", "x.pdf"], "--out x.pdf: wanted a file whose name ends in .html"],
    ["its own input", ["page.html", "--out", "page.html", "--force"], "--out page.html is what is read, page.html: give another"],
  ];
  for (const [what, args, message] of REFUSED)
    test(`refuses ${what}`, async (context) => {
      const folder = workFolder(context);
      writeFileSync(join(folder, "broken.json"), "{");
      for (const name of ["other.json", "page.html"]) writeFileSync(join(folder, name), "{}");
      const { code, err } = await run(folder, "report", ...args);
      context.expect([code, err.slice(0, `error: ${message}`.length)]).toEqual([2, `error: ${message}`]);
      context.expect(existsSync(join(folder, "other.html"))).toBe(false);
    });
});
