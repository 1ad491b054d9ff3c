export { createJsonlLoader, jsonlLoader } from "./loader.ts";
