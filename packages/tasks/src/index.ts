export { TASK_TEMPLATES } from "./built-in.ts";
export { findTemplate, splitsRows } from "./find.ts";
export { parseInput } from "./parse-input.ts";
export { type DataPurpose, type TaskDocumentsContext, type TaskSource, taskDocuments } from "./task-documents.ts";
export { type FewShot, parseTaskTemplate, type TaskTemplate, taskTemplateSchema } from "./task-template.ts";
