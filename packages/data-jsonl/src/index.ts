export { createJsonlLoader, jsonlLoader } from "./loader.ts";
export { type RowContent, type RowReader, rowReader } from "./row.ts";
export { parseTemplate, type Template } from "./template.ts";
