export { calibrateLine, compareLine, evalLine, type MeasuredInput, pruneLine } from "./command-line.ts";
export { computedText } from "./computed.ts";
export { beforeAndAfter, conclusionText, distanceText, type Figure, figuresOf, PAST_MIXTURES, shareText, significant } from "./figures.ts";
export { counted, grouped, humanBytes, humanCount, humanDuration, humanFlops, percent, plusMinus, shellQuoted } from "./units.ts";
