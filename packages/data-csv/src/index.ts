export { createCsvLoader, csvLoader } from "./loader.ts";
