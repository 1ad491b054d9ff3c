export { computedText } from "./computed.ts";
export { conclusionText, distanceText, type Figure, figuresOf, PAST_MIXTURES, rounded, significant } from "./figures.ts";
export { counted, grouped, humanBytes, humanCount, humanDuration, humanFlops, percent, shellQuoted } from "./units.ts";
