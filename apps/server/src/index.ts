export { serve, work } from "./serve.ts";
