export { default, type MagnitudeOptions, magnitude, magnitudeScore } from "./magnitude.ts";
