import { addHistograms, jaccard } from "@secateur/fusion";
import type { LayerReport, Manifest } from "@secateur/pipeline";
import { describe, expect, it } from "vitest";
import { pruneReport } from "../src/index.ts";
import { grouped, humanBytes, humanCount, percent } from "../src/text.ts";
import { manifestOf } from "./manifests.ts";
import { attribute, markTitles, type ParsedPage, parsePage } from "./parse-page.ts";

const KINDS = ["q_proj", "o_proj", "up_proj", "down_proj"];

function pageOf(manifest: Manifest): ParsedPage {
  return parsePage(pruneReport(manifest));
}

/** The layers of a kind that a page's JSON tells of, and of a block where one is given. */
function layersOf({ data }: ParsedPage, kind: string, block?: number): readonly LayerReport[] {
  const within = block === undefined ? /./ : new RegExp(`\\.${block}\\.`);
  return (data as Manifest).tensors.filter(({ tensor }) => tensor.endsWith(`${kind}.weight`) && within.test(tensor));
}

const sum = (layers: readonly LayerReport[], of: (layer: LayerReport) => number): number =>
  layers.reduce((all, layer) => all + of(layer), 0);
const zeros = (layers: readonly LayerReport[]): string =>
  percent(sum(layers, (layer) => layer.zeros) / sum(layers, ({ shape }) => shape[0] * shape[1]));
const share = (layers: readonly LayerReport[], of: (channels: NonNullable<LayerReport["channels"]>) => number): string =>
  percent(sum(layers, ({ channels }) => (channels ? of(channels) : 0)) / sum(layers, ({ shape }) => shape[1]));
const index = (layers: readonly LayerReport[], pair = 0): string =>
  jaccard({
    both: sum(layers, ({ roles }) => roles?.overlap[pair]?.both ?? 0),
    either: sum(layers, ({ roles }) => roles?.overlap[pair]?.either ?? 0),
  }).toFixed(3);

describe("the numbers of a page are those of its JSON", () => {
  const manifest = manifestOf({ notes: { damping: 0.01 } });
  const page = pageOf(manifest);
  const blocks = [0, 1, 2];

  it("holds the manifest", () => {
    expect(page.data).toEqual(JSON.parse(JSON.stringify(manifest)));
  });

  it("above all else", () => {
    const { sparsity, bytes } = manifest;
    for (const text of [
      `tiny: ${percent(sparsity.ratio)} of ${grouped(sparsity.of)} weights pruned`,
      `${grouped(sparsity.zeros)} of ${grouped(sparsity.of)} weights`,
      humanCount(sparsity.of - sparsity.zeros),
      `in 12 layers: ${grouped(sparsity.of - sparsity.zeros)}`,
      `By wanda, for general (50.0 %) and math (50.0 %), fused by shared-exclusive.`,
    ])
      expect(page.text).toContain(text);
    const before = grouped(sum(manifest.tensors, ({ zerosBefore }) => zerosBefore));
    const whole = humanBytes(bytes.dense);
    expect(page.tables.get("before and after")?.slice(1)).toEqual([
      ["zeros in the pruned layers", before, grouped(sparsity.zeros)],
      ["their share", percent(Number(before) / sparsity.of), percent(sparsity.ratio)],
      ["stored", whole, whole],
      ["with zeros left out", "", humanBytes(bytes.packed)],
    ]);
    expect(page.text).toContain("Quality was not measured");
  });

  it("of the model's quality, where that was measured", () => {
    const common = { nll: 2, standardError: 0.1, protocol: "how it was done", documents: 12 };
    const choices = (acc: number) => ({
      ...{ metric: "choices" as const, ...common, skipped: 0, gain: 0 },
      ...{ acc: { value: acc, standardError: 0.02 }, accNorm: { value: acc + 0.1, standardError: 0.03 } },
    });
    const text = (perplexity: number) => ({
      metric: "perplexity" as const,
      perplexity,
      predictedTokens: 9,
      windows: 1,
      windowTokens: 10,
      ...common,
    });
    const set = (name: string) => ({ name, sources: [`${name}.jsonl`], documents: 12, hash: `sha256:of-${name}` });
    const quality = [
      { ...set("c4"), before: text(20), after: text(30) },
      { ...set("arc"), before: choices(0.6), after: choices(0.5) },
    ] as unknown as Manifest["quality"] & object;
    const evaluate = ["c4", "arc"].map((name) => ({ name, source: `${name}.jsonl` }));
    const measured = pageOf({ ...manifestOf(), quality, measure: { evaluate, evaluateSamples: 12 } });
    expect(measured.text).toContain("--eval c4=c4.jsonl --eval arc=arc.jsonl --eval-samples 12");
    expect(measured.tables.get("before and after")?.slice(5)).toEqual([
      ["c4 ppl", "20.0 ± 2.0", "30.0 ± 3.0"],
      ["arc acc", "60.0 % ± 2.0", "50.0 % ± 2.0"],
      ["arc acc_norm", "70.0 % ± 3.0", "60.0 % ± 3.0"],
    ]);
    expect(measured.tables.get("what the model was measured on")?.slice(1)).toEqual([
      ["c4", "12", "c4.jsonl", "how it was done"],
      ["arc", "12", "arc.jsonl", "how it was done"],
    ]);
    expect(measured.text).toContain("sha256:of-arc");
    expect(measured.text).not.toContain("Quality was not measured");
  });

  it("of every layer", () => {
    const [head, ...rows] = page.tables.get("every layer") ?? [];
    expect(head).toEqual(["tensor", "shape", "zeros before", "zeros", "share", "ties", "damping"]);
    expect(rows).toEqual(
      manifest.tensors.map((layer) => [
        layer.tensor,
        layer.shape.join(" × "),
        String(layer.zerosBefore),
        grouped(layer.zeros),
        zeros([layer]),
        String(layer.ties),
        "0.01",
      ]),
    );
  });

  it("by block and kind, in tables", () => {
    const byBlock = (of: (layers: readonly LayerReport[]) => string) => [
      ["block", ...KINDS],
      ...blocks.map((block) => [String(block), ...KINDS.map((kind) => of(layersOf(page, kind, block)))]),
    ];
    expect(page.tables.get("zeros")).toEqual(byBlock(zeros));
    expect(page.tables.get("shared")).toEqual(byBlock((layers) => share(layers, ({ shared }) => shared)));
    expect(page.tables.get("exclusive to math")).toEqual(byBlock((layers) => share(layers, ({ exclusive }) => exclusive.math ?? 0)));
    expect(page.tables.get("general and math")).toEqual(byBlock((layers) => index(layers)));
  });

  it("by kind, in tables", () => {
    expect(page.tables.get("channels by kind")).toEqual([
      ["kind", "shared", "exclusive to general", "exclusive to math"],
      ...KINDS.map((kind) => [
        kind,
        share(layersOf(page, kind), ({ shared }) => shared),
        share(layersOf(page, kind), ({ exclusive }) => exclusive.general ?? 0),
        share(layersOf(page, kind), ({ exclusive }) => exclusive.math ?? 0),
      ]),
    ]);
    expect(page.tables.get("overlap by kind")).toEqual([
      ["kind", "general and math"],
      ...KINDS.map((kind) => [kind, index(layersOf(page, kind))]),
    ]);
    for (const kind of KINDS) {
      const [, rest, ...bins] = page.tables.get(`scores of ${kind}`) ?? [];
      const all = ["general", "math"].map((role) =>
        addHistograms(layersOf(page, kind).flatMap(({ roles }) => roles?.histograms[role] ?? [])),
      );
      expect(rest?.slice(1)).toEqual(all.map((one) => grouped(one.rest)));
      for (const [column, { counts }] of all.entries()) {
        const shown = bins.map((cells) => cells[column + 1]).filter((count) => count !== "0");
        expect(shown).toEqual(counts.filter((count) => count > 0).map(grouped));
      }
    }
  });

  it("in charts, drawn twice", () => {
    const both = (chart: string): readonly string[] => {
      const { wide, narrow } = markTitles(page, chart);
      // Small charts stand in other rows on a phone.
      expect([...narrow].sort()).toEqual([...wide].sort());
      return wide.slice(1).sort();
    };
    const of = (block: number, kind: string) => layersOf(page, kind, block);
    expect(both("sparsity-map")).toEqual(
      KINDS.flatMap((kind) => blocks.map((block) => `block ${block}, ${kind}: ${zeros(of(block, kind))}`)).sort(),
    );
    expect(both("overlap-by-block")).toEqual(
      KINDS.flatMap((kind) => blocks.map((block) => `block ${block}, ${kind}: ${index(of(block, kind))}`)).sort(),
    );
    const shared = both("channels-by-block").filter((title) => title.includes("shared"));
    expect(shared).toEqual(
      KINDS.flatMap((kind) =>
        blocks.map((block) => `block ${block}, ${kind}: shared ${share(of(block, kind), (channels) => channels.shared)}`),
      ).sort(),
    );
    const kinds = both("channels-by-kind").filter((title) => title.includes("shared"));
    expect(kinds).toEqual(KINDS.map((kind) => `${kind}: shared ${share(layersOf(page, kind), (channels) => channels.shared)}`).sort());
  });

  it("of the data, and what identifies all", () => {
    expect(page.tables.get("calibration data")?.slice(1)).toEqual([
      ["general", "50.0 %", "8", "4,096", "100", "0", "2", "3", "general.jsonl"],
      ["math", "50.0 %", "9", "4,097", "101", "1", "3", "4", "math.jsonl"],
    ]);
    for (const hash of [manifest.model.hash, ...manifest.data.map((one) => one.hash)]) expect(page.text).toContain(hash);
    const ties = sum(manifest.tensors, (layer) => layer.ties);
    expect(page.text).toContain(`${ties}: weights that scored as the cut does`);
  });
});

describe("a page", () => {
  it("is the same for the same manifest", () => {
    expect(pruneReport(manifestOf())).toBe(pruneReport(manifestOf()));
  });

  it("runs nothing and fetches nothing", () => {
    const page = pageOf(manifestOf());
    const names = new Set(page.elements.map(({ tagName }) => tagName));
    for (const name of ["link", "img", "iframe", "object", "embed", "audio", "video", "image", "use", "base", "form"])
      expect(names.has(name)).toBe(false);
    const scripts = page.elements.filter(({ tagName }) => tagName === "script");
    expect(scripts.map((script) => attribute(script, "type"))).toEqual(["application/json"]);
    const attributes = page.elements.flatMap(({ attrs }) => attrs);
    expect(attributes.filter(({ name }) => name.startsWith("on"))).toEqual([]);
    const links = attributes.filter(({ name }) => name === "href" || name === "src");
    expect(links.every(({ value }) => value.startsWith("#"))).toBe(true);
    expect(attributes.filter(({ value }) => value.includes("url("))).toEqual([]);
    const policy = page.elements.find((element) => attribute(element, "http-equiv") === "Content-Security-Policy");
    expect(policy && attribute(policy, "content")).toContain("default-src 'none'; style-src 'unsafe-inline'");
  });

  it("has a name and a description for each chart, under an id of its own", () => {
    const { elements } = pageOf(manifestOf());
    const ids = elements.flatMap((element) => attribute(element, "id") ?? []);
    expect(new Set(ids).size).toBe(ids.length);
    const charts = elements.filter(({ tagName }) => tagName === "svg");
    expect(charts).toHaveLength(2 * 5);
    for (const chart of charts) {
      expect(attribute(chart, "role")).toBe("img");
      for (const id of (attribute(chart, "aria-labelledby") ?? "").split(" ")) expect(ids).toContain(id);
    }
    const targets = elements.flatMap((element) => attribute(element, "href")?.slice(1) ?? []);
    for (const target of targets) expect(ids).toContain(target);
  });

  it.each<[what: string, manifest: Manifest, holds: readonly string[], lacks: readonly string[]]>([
    [
      "one role",
      manifestOf({ roles: ["general"], channels: false }),
      ["By wanda, for general (100.0 %).", "hold beside each other here: the data of one role alone were read"],
      ["Shared and exclusive channels", "Scores of the roles"],
    ],
    [
      "no data",
      manifestOf({ roles: [], channels: false, recipe: { scorer: "magnitude" } }),
      ["By magnitude, which reads no data."],
      ["Calibration data"],
    ],
    ["no channels", manifestOf({ channels: false }), ["No layer's input channels were parted: shared-exclusive did not do so"], []],
    ["no scores of roles", manifestOf({ scores: false }), ["Shared and exclusive channels"], ["Scores by kind of layer"]],
    ["a pattern", manifestOf({ recipe: { pattern: { keep: 2, of: 4 } } }), ["2 of every 4 weights in a row, 2 stay", "--pattern 2:4"], []],
    [
      "three roles",
      manifestOf({ roles: ["general", "math", "code"] }),
      ["general and code", "exclusive to code", "counts for each of these"],
      [],
    ],
    ["warnings", manifestOf({ warnings: ["too little"] }), ["Warnings", "too little"], []],
    [
      "a solver, an allocator and statistics",
      {
        ...manifestOf({ recipe: { scorer: "fisher", solver: "sparsegpt", allocate: "owl", allocateOptions: { M: 5 } } }),
        statistics: { backend: { engine: "other", version: "9", device: "gpu", precision: "bf16" } },
      },
      ["sparsegpt", "owl (M = 5)", "other 9, gpu, products in bf16"],
      [],
    ],
    [
      "a head",
      manifestOf({ nameOf: (block, kind) => (kind === "mlp.up_proj" ? "lm_head.weight" : `h.${block}.${kind}.weight`) }),
      ["lm_head"],
      [],
    ],
    ["no layers", { ...manifestOf({ blocks: 0 }), sparsity: { zeros: 0, of: 0, ratio: 0 } }, ["0.0 % of 0 weights pruned"], []],
  ])("tells of %s", (_, manifest, holds, lacks) => {
    const { text } = pageOf(manifest);
    for (const one of holds) expect(text).toContain(one);
    for (const one of lacks) expect(text).not.toContain(one);
  });

  it("adds up layers that stand at one place, such as experts", () => {
    const manifest = manifestOf({ nameOf: (block, kind) => `layers.0.experts.${block}.${kind.split(".")[1]}.weight` });
    const page = pageOf(manifest);
    const cells = ["q_proj", "o_proj", "up_proj", "down_proj"].map((kind) => zeros(layersOf(page, kind)));
    expect(page.tables.get("zeros")).toEqual([
      ["block", "q_proj", "o_proj", "up_proj", "down_proj"],
      ["0", ...cells],
    ]);
  });

  it("stays below a megabyte and a half for a model of 80 blocks", () => {
    const page = pruneReport(manifestOf({ blocks: 80, roles: ["general", "math", "code"] }));
    expect(page.length).toBeLessThan(1.5 * 2 ** 20);
    expect(markTitles(parsePage(page), "sparsity-map").wide).toHaveLength(1 + 80 * 4);
  });
});
