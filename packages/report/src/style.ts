/** The colours of series, in their order; there are as many in light as in dark. */
export const SERIES_COLORS = 6;

/** The style of all pages. Colours of series are told apart by the colour-blind, and stand out from the background by 3 : 1 or more; those of text by 4.5 : 1. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --paper: #fff; --panel: #f5f6f8; --ink: #1a1d21; --soft: #57606a; --line: #d8dde3;
  --heat: #0a58a6; --on-heat: #fff; --warn: #8a3b00; --good: #00694a; --link: #0a58a6;
  --series-0: #0067b1; --series-1: #c4500b; --series-2: #cb7698; --series-3: #9a0bf9; --series-4: #02104b; --series-5: #37151c;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171b; --panel: #1d2127; --ink: #e8eaed; --soft: #a5adb7; --line: #3a424c;
    --heat: #6cb2f5; --on-heat: #10141a; --warn: #ffb077; --good: #45c9a0; --link: #8cc4fa;
    --series-0: #6cb2f5; --series-1: #ff9a57; --series-2: #eddbcf; --series-3: #7d29fa; --series-4: #e0065d; --series-5: #c2059c;
  }
}
@media print {
  :root {
    color-scheme: light;
    --paper: #fff; --panel: #fff; --ink: #000; --soft: #444; --line: #bbb; --heat: #0a58a6; --on-heat: #fff; --warn: #8a3b00; --good: #00694a; --link: #000;
    --series-0: #0067b1; --series-1: #c4500b; --series-2: #cb7698; --series-3: #9a0bf9; --series-4: #02104b; --series-5: #37151c;
  }
}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; text-size-adjust: 100%; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 1rem/1.55 system-ui, sans-serif; overflow-wrap: anywhere; }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { font-size: clamp(1.4rem, 4.5vw, 1.9rem); line-height: 1.2; margin: 0 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.2rem; line-height: 1.3; margin: 2.75rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
h3 { font-size: 1rem; margin: 1.6rem 0 .4rem; }
p { margin: .5rem 0; max-width: 46rem; }
a { color: var(--link); }
.kicker, .note, figcaption { color: var(--soft); }
.kicker { margin: 0 0 .25rem; font-size: .875rem; letter-spacing: .02em; }
.note { font-size: .9rem; }
.whole { white-space: nowrap; }
nav ul { display: flex; flex-wrap: wrap; gap: .2rem 1rem; list-style: none; margin: 1rem 0 0; padding: 0; font-size: .9rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .6rem; margin: 1.25rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--panel); border: 1px solid var(--line); border-radius: .5rem; padding: .7rem .85rem; }
.tiles b { display: block; white-space: nowrap; font-size: clamp(1.15rem, 4vw, 1.35rem); line-height: 1.25; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles span { color: var(--soft); font-size: .85rem; line-height: 1.35; display: block; }
.conclusion { border-left: 4px solid var(--heat); background: var(--panel); padding: .7rem .9rem; border-radius: 0 .4rem .4rem 0; max-width: none; }
.warnings { border-left: 4px solid var(--warn); background: var(--panel); padding: .7rem .9rem; border-radius: 0 .4rem .4rem 0; }
.warnings h2 { border: 0; padding: 0; margin: 0 0 .3rem; font-size: 1rem; color: var(--warn); }
.warnings ul { margin: 0; padding-left: 1.1rem; }
dl { margin: .8rem 0; }
dl > div { display: grid; grid-template-columns: minmax(8rem, 12rem) 1fr; gap: .1rem 1rem; padding: .3rem 0; border-bottom: 1px solid var(--line); }
dt { color: var(--soft); }
dd { margin: 0; }
.scroll { overflow-x: auto; margin: .8rem 0; overflow-wrap: normal; background: linear-gradient(to left, var(--paper) 1.5rem, transparent) right / 3rem 100% no-repeat local,
  linear-gradient(to left, color-mix(in srgb, var(--soft) 45%, transparent), transparent) right / .8rem 100% no-repeat scroll; }
.scroll:focus-visible, summary:focus-visible { outline: 2px solid var(--link); outline-offset: 2px; }
table { border-collapse: collapse; font-size: .875rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: .28rem .7rem; text-align: left; border-bottom: 1px solid var(--line); white-space: nowrap; font-weight: 400; }
th:first-child { padding-left: 0; }
thead th { color: var(--soft); vertical-align: bottom; }
th:first-child { position: sticky; left: 0; background: var(--paper); }
.number { text-align: right; }
.beyond { color: var(--good); font-weight: 650; }
details { margin: .5rem 0; }
details h3 { font-weight: 600; }
summary { cursor: pointer; color: var(--link); padding: .15rem 0; }
figure { margin: 1rem 0; }
figcaption { font-size: .9rem; margin-bottom: .5rem; max-width: 46rem; }
figcaption strong { color: var(--ink); font-weight: 600; }
svg { display: block; max-width: 100%; height: auto; overflow: visible; font-family: system-ui, sans-serif; }
svg text { unicode-bidi: isolate; }
.narrow { display: none; }
.narrow svg { width: 100%; max-width: 30rem; }
@media (max-width: 44rem) { .wide { display: none; } .narrow { display: block; } dl > div { grid-template-columns: 1fr; } tbody th { white-space: normal; min-width: 6.5rem; max-width: 9rem; } }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .3rem 0 .5rem; padding: 0; list-style: none; font-size: .875rem; }
.legend li { display: flex; align-items: center; gap: .45rem; }
.swatch { width: 1.6rem; border-top: 3px solid currentColor; }
.swatch.dash-1 { border-top-style: dashed; }
.swatch.dash-2 { border-top-style: dotted; }
.ramp { display: inline-block; width: 7rem; height: .75rem; border-radius: .15rem; border: 1px solid var(--line); vertical-align: middle; margin: 0 .4rem;
  background: linear-gradient(to right, color-mix(in srgb, var(--heat) 6%, transparent), color-mix(in srgb, var(--heat) 92%, transparent)); print-color-adjust: exact; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: .4rem; padding: .7rem .85rem; font-size: .85rem; line-height: 1.5; overflow-x: auto; white-space: pre-wrap; }
code { font-family: ui-monospace, monospace; font-size: .95em; }
.hash { font-family: ui-monospace, monospace; font-size: .8rem; }
footer { margin-top: 3rem; padding-top: .8rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .85rem; }
@media print {
  main { max-width: none; padding: 0; }
  .wide { display: block !important; } .narrow { display: none !important; }
  nav { display: none; }
  figure, tr, .tiles li { break-inside: avoid; } h2, h3 { break-after: avoid; }
  .scroll { overflow: visible; background: none; } td:not(.number) { white-space: normal; }
  svg rect { print-color-adjust: exact; }
}
`;
