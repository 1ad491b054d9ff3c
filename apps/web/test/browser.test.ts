import { cpSync, existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { type Browser, chromium, type Page } from "playwright-core";
import { build } from "vite";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Folders, makeFolders, type ServerProcess, startServer } from "../../server/test/server-process.ts";

const CHROMIUM = "/usr/bin/chromium";
const ARGS = ["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
const TOKEN = "a-token-of-enough-characters";
const here = existsSync(CHROMIUM);
if (!here) console.error(`the page is not tested in a browser: there is no ${CHROMIUM}; apt-get install chromium brings it`);

/** General text, a row a sentence. */
const TEXT = Array.from(
  { length: 40 },
  (_, i) => `${JSON.stringify({ text: `Call me Ishmael ${i}. Some years ago, never mind how long.` })}\n`,
).join("");

describe.runIf(here)("the page in a browser", () => {
  let folders: Folders;
  let server: ServerProcess;
  let browser: Browser;
  let page: Page;
  const complaints: string[] = [];
  const asked = new Set<string>();

  beforeAll(async () => {
    folders = makeFolders();
    cpSync(fileURLToPath(new URL("../../cli/demo", import.meta.url)), `${folders.models}/demo`, { recursive: true });
    const built = build({ configFile: fileURLToPath(new URL("../vite.config.ts", import.meta.url)), logLevel: "warn" });
    [browser] = await Promise.all([
      chromium.launch({ executablePath: CHROMIUM, args: [...ARGS, "--disable-component-update", "--disable-sync"] }),
      built,
    ]);
    server = await startServer(folders, "--token", TOKEN);
    page = await browser.newPage({ viewport: { width: 360, height: 740 } });
    page.setDefaultTimeout(100_000);
    page.on("request", (request) => asked.add(new URL(request.url()).origin));
    page.on("pageerror", (error) => complaints.push(String(error)));
    page.on("console", (message) => {
      if (message.type() === "error" || message.type() === "warning") complaints.push(message.text());
    });
  });
  afterAll(async () => {
    await browser?.close();
    await server?.end();
    folders?.remove();
  });

  /** Nothing is wider than a narrow phone, and every control has a name. */
  async function expectGood(): Promise<void> {
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(360);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll<HTMLInputElement>("input, select, textarea, button, progress, iframe")]
        .filter((control) => !control.labels?.length && !control.ariaLabel && !control.title && !control.textContent?.trim())
        .map(({ outerHTML }) => outerHTML),
    );
    expect(nameless).toEqual([]);
  }

  /** The group of fields under a heading. */
  const group = (name: string) => page.getByRole("group", { name, exact: true });
  const state = (text: string) => page.locator(".badge", { hasText: text });

  it("asks for the token, and takes the right one alone", async () => {
    await page.goto(server.url);
    await page.getByLabel("Token").fill("another-token-of-that-length");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.getByText("The server does not take this token.").waitFor();
    await page.getByLabel("Token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "New job" }).waitFor();
    expect(await page.evaluate(() => [localStorage.length, document.cookie])).toEqual([0, ""]);
    // Each of the two refusals is told by the browser.
    expect(complaints.splice(0)).toEqual(Array.from({ length: 2 }, () => expect.stringContaining("401")));
  });

  it("says what is missing, and leads there", async () => {
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByText("choose a model", { exact: true }).last().waitFor();
    expect(await page.evaluate(() => document.activeElement?.id)).toBe("field-model");
    await expectGood();
  });

  it("prunes by a file that is uploaded, and tells how far it is", async () => {
    await page.getByRole("combobox", { name: "Model" }).selectOption({ label: "demo" });
    await page.getByText("What its headers say").click();
    await page.getByText("2.8 M in").waitFor();
    const general = group("General text");
    await general
      .getByLabel("File to upload as File")
      .setInputFiles({ name: "text.jsonl", mimeType: "application/jsonl", buffer: Buffer.from(TEXT) });
    await general.getByText("How it is read").click();
    await general.getByText("Call me Ishmael 0.").waitFor();
    await page.getByRole("button", { name: "Add a task" }).click();
    const task = group("Task 1");
    const sort = await task.getByLabel("File", { exact: true }).locator("option", { hasText: "sort.calibration" }).getAttribute("value");
    await task.getByLabel("File", { exact: true }).selectOption(sort);
    expect(await task.getByLabel("Name").inputValue()).toBe("sort_calibration");
    await task.getByLabel("Name").fill("sort");
    await page.getByText("What the results are measured on").click();
    await page.getByRole("region", { name: "Data" }).getByRole("button", { name: "Add a file" }).last().click();
    const measured = group("Measured on 1");
    const held = await measured.getByLabel("File", { exact: true }).locator("option", { hasText: "sort.eval" }).getAttribute("value");
    await measured.getByLabel("File", { exact: true }).selectOption(held);
    await measured.getByLabel("Name").fill("sort");
    await page.getByText("Advanced").click();
    await page.getByLabel("Samples", { exact: true }).fill("16");
    await page.getByLabel("Evaluation samples").fill("8");
    await page.getByLabel("Answer tokens").fill("8");
    await page.getByLabel("Sequence length", { exact: true }).fill("64");
    await page.getByLabel("Seed", { exact: true }).fill("9007199254740993");
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByText("9007199254740993 was given").waitFor(); // a number that is not exact is none
    await page.getByLabel("Seed", { exact: true }).fill("");
    await task.getByText("How it is read").click();
    await task.getByLabel("Template").fill("no-such-template");
    await page.getByRole("button", { name: "Start" }).click();
    await page.locator("[id='field-tasks.0.template-problem']", { hasText: "neither a text" }).waitFor(); // which the server says
    await task.getByRole("alert").waitFor(); // so does the preview
    // Each of the two refusals is told by the browser.
    expect(complaints.splice(0)).toEqual(Array.from({ length: 2 }, () => expect.stringContaining("400")));
    await task.getByLabel("Template").fill("");
    await expectGood();
    await page.getByRole("button", { name: "Start" }).click();
    await page.getByRole("heading", { name: "Prune demo by 50.0 %" }).waitFor();
    await page.getByRole("progressbar", { name: "Progress of the job" }).waitFor();
    await state("done").waitFor();
    await page.getByRole("list", { name: "blocks of the model" }).getByText("50.0 %").nth(5).waitFor();
    await page.getByText("of the weights that may be pruned are zero").waitFor();
    await page.getByRole("row", { name: /^sort: exact answers/ }).waitFor();
    expect(await page.getByLabel("command", { exact: true }).textContent()).toMatch(
      /^secateur prune demo --general text\.jsonl --task sort=demo\/sort\.calibration\.jsonl --samples 16 --seq-len 64 .* --eval sort=demo\/sort\.eval\.jsonl --eval-samples 8 --max-tokens 8 --out pruned-[\da-f]{8}$/,
    );
    await expectGood();
  });

  it("keeps a file that a job has made", async () => {
    const download = page.waitForEvent("download");
    await page.getByRole("button", { name: "model/secateur.json" }).click();
    expect((await download).suggestedFilename()).toBe("secateur.json");
  });

  it("shows the report in a sandbox, with its style", async () => {
    await page.getByRole("link", { name: "Open the report" }).click();
    const inner = page.frameLocator("iframe").locator("iframe");
    const heading = inner.contentFrame().getByRole("heading", { level: 1 });
    await heading.waitFor();
    expect(await heading.textContent()).toContain("demo");
    expect(await inner.getAttribute("sandbox")).toBe("");
    expect(await heading.evaluate((element) => getComputedStyle(element).textWrapStyle)).toBe("balance");
    await expectGood();
    // What is in its place runs nothing, whatever it is.
    await page
      .frameLocator("iframe")
      .locator("iframe")
      .evaluate((frame: HTMLIFrameElement) => {
        frame.srcdoc = "<h1>Hostile</h1><script>top.document.title = 'taken'</script><img src='/x' onerror='top.document.title=1'>";
      });
    await inner.contentFrame().getByRole("heading", { name: "Hostile" }).waitFor();
    expect(await page.title()).toBe("Report · Secateur");
    const refused = complaints.splice(0);
    expect(refused).toEqual(expect.arrayContaining([expect.stringContaining("Blocked script execution")]));
    expect(refused.filter((text) => !/Blocked script|Content Security Policy/.test(text))).toEqual([]);
    await page.getByRole("link", { name: "The job" }).click();
  });

  it("takes an upload away from everywhere", async () => {
    await page.getByRole("link", { name: "New job" }).click();
    const general = group("General text");
    await general
      .getByLabel("File to upload as File")
      .setInputFiles({ name: "other.txt", mimeType: "text/plain", buffer: Buffer.from("Another text.\n") });
    await general.getByRole("button", { name: "Delete the upload" }).click();
    await general.getByRole("button", { name: "Delete other.txt from the server" }).click();
    await general.locator("option", { hasText: "other.txt" }).waitFor({ state: "detached" });
    expect(await general.getByLabel("File", { exact: true }).inputValue()).toBe("");
    await page.goBack();
  });

  it("compares from what a job was asked, and sorts what came of it", async () => {
    await page.getByRole("link", { name: "Change and start again" }).click();
    await page.getByRole("radio", { name: /^Compare/ }).check();
    expect(await group("Task 1").getByLabel("Name").inputValue()).toBe("sort");
    await page.getByLabel("shared-exclusive:").uncheck();
    await page.getByLabel("Mixtures").fill("0.5");
    await page.getByText("Advanced").click();
    await page.getByLabel("Evaluation samples").fill("8");
    await page.getByLabel("Answer tokens").fill("0");
    await page.getByRole("button", { name: "Start" }).click();
    await state("running").waitFor();
    await state("done").waitFor();
    await page.getByRole("link", { name: "Open the comparison" }).click();
    const names = page.locator(".comparison tbody th");
    await names.first().waitFor();
    const order = await names.allTextContents();
    expect(order[0]).toBe("dense");
    expect(order).toEqual(expect.arrayContaining(["general", "sort only", "mixture 0.5", "max"]));
    await page.getByRole("button", { name: "pruned by" }).click();
    expect(await names.allTextContents()).toEqual([...order].sort());
    await page.frameLocator("iframe").frameLocator("iframe").locator("svg").first().waitFor({ state: "attached" });
    await expectGood();
  });

  it("streams the answers of the dense and the pruned model", async () => {
    await page.getByRole("link", { name: "Playground" }).click();
    await page.getByLabel("Prompt").fill("sort c a b ->");
    await page.getByLabel("Tokens at most").fill("8");
    const chosen = page.locator(".pair select option:checked");
    expect(await chosen.allTextContents()).toEqual(["demo", expect.stringMatching(/^demo, pruned 50\.0 % /)]);
    await page.getByRole("button", { name: "Ask both" }).click();
    await page.locator(".answer.done").nth(1).waitFor();
    expect(await page.locator(".answer.done").first().textContent()).toContain(" a b c");
    await expectGood();
  });

  it("lists jobs, and deletes one when it is asked twice", async () => {
    await page.getByRole("link", { name: "Jobs", exact: true }).click();
    await page.locator(".jobs a", { hasText: "Compare" }).click();
    await page.getByRole("button", { name: "Delete" }).click();
    await page.getByRole("button", { name: "Delete it with its files" }).click();
    await page.locator(".jobs a", { hasText: "Prune" }).waitFor();
    expect(await page.locator(".jobs li").count()).toBe(1);
    await expectGood();
  });

  it("has complained of nothing, and asked nobody else", () => {
    expect(complaints).toEqual([]);
    expect([...asked].filter((origin) => origin !== "null")).toEqual([server.url]);
  });
});
