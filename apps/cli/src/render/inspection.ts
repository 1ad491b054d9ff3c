import type { Inspection } from "@secateur/engine";
import { computedText, counted, grouped, humanBytes, humanCount, percent } from "@secateur/report/text";
import type { Colors } from "../terminal.ts";
import { table } from "./table.ts";

/** A model's headers for a person. */
export function inspectionText(inspection: Inspection, colors: Colors): string {
  const { path, modelType, format, unsupported, parameters, tensors, dtypes, tokenizer, pruned } = inspection;
  const types = Object.entries(dtypes).map(
    ([dtype, { tensors: count, bytes }]) => `${counted(count, `${dtype} tensor`)}, ${humanBytes(bytes)}`,
  );
  const facts = table([
    ["model", `${path} (${modelType ?? "no model_type"}, ${format})`],
    ...(unsupported === undefined ? [] : [["not supported", unsupported]]),
    ["parameters", `${humanCount(parameters)} in ${counted(tensors, "tensor")} (${types.join("; ")})`],
    ["tokenizer", tokenizer ? "yes" : "none: only rows of input_ids can be read for it"],
    ...(pruned ? prunedRows(pruned) : []),
  ]);
  return [facts, groupTable(inspection, colors), fileTable(inspection, colors)].join("\n");
}

function prunedRows({ sparsity, recipe, secateur, backend, statistics }: NonNullable<Inspection["pruned"]>): string[][] {
  const data = [
    ...(recipe.stats === undefined ? [] : [`statistics ${recipe.stats}`]),
    ...recipe.general.map(({ source }) => `general ${source}`),
    ...recipe.tasks.map(({ name, source }) => `${name} ${source}`),
  ];
  const amount = recipe.pattern ? `pattern ${recipe.pattern.keep}:${recipe.pattern.of}` : `sparsity ${recipe.sparsity}`;
  return [
    ["pruned", `${percent(sparsity.ratio)} zero: ${grouped(sparsity.zeros)} of ${grouped(sparsity.of)} weights`],
    ["by", `secateur ${secateur}, scorer ${recipe.scorer}, fusion ${recipe.fusion}, ${amount}, from ${recipe.model}`],
    ...(data.length === 0 ? [] : [["data", data.join(", ")]]),
    ["computed by", computedText(backend)],
    ...(statistics ? [["statistics by", computedText(statistics.backend)]] : []),
  ];
}

function groupTable({ groups, pruned }: Inspection, { bold }: Colors): string {
  const rows = groups.map(({ name, dtype, shape, count, bytes, sparsity }) => [
    name,
    dtype,
    shape.join(" × ") || "a number",
    grouped(count),
    humanBytes(bytes),
    ...(pruned ? [sparsity === undefined ? "" : percent(sparsity)] : []),
  ]);
  const head = ["tensors", "dtype", "shape", "count", "bytes", ...(pruned ? ["zero"] : [])];
  return firstLine(table([head, ...rows], ["left", "left", "right", "right", "right", "right"]), bold);
}

function fileTable({ files, bytes }: Inspection, { bold }: Colors): string {
  const rows = files.map((file) => [file.name, humanBytes(file.bytes)]);
  return firstLine(table([["files", "bytes"], ...rows, ["in all", humanBytes(bytes)]], ["left", "right"]), bold);
}

function firstLine(text: string, style: (line: string) => string): string {
  const end = text.indexOf("\n");
  return style(text.slice(0, end)) + text.slice(end);
}
