export { textLoader } from "./loader.ts";
