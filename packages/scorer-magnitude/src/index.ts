export { default, type MagnitudeOptions, magnitude } from "./magnitude.ts";
export { magnitudeScore } from "./score.ts";
