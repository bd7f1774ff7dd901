"""The look of a report: light or dark as the reader has it, narrow or wide, and on paper."""

from __future__ import annotations

STYLE = """
:root { color-scheme: light dark; --ink: #1f2328; --soft: #656d76; --line: #d8dee4;
  --back: #ffffff; --card: #f6f8fa; --warn: #9a6700; --bad: #cf222e; --good: #1a7f37;
  --c0: #2f6fad; --c1: #c2571a; --c2: #2e8b57; --c3: #8250df; --c4: #b02a5b; --c5: #8a6d00;
  --c6: #117a8b; --c7: #57606a; --cell: 47 111 173; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --soft: #9198a1; --line: #30363d;
  --back: #0d1117; --card: #161b22; --warn: #d29922; --bad: #f85149; --good: #3fb950;
  --c0: #6ca4dc; --c1: #e8935c; --c2: #5fbf8a; --c3: #b392f0; --c4: #f27ba6; --c5: #d6b656;
  --c6: #56c2d6; --c7: #9da7b1; --cell: 108 164 220; } }
* { box-sizing: border-box; }
body { font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--back);
  max-width: 1120px; margin: 0 auto; padding: 1.5rem 1rem 4rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0; } h2 { font-size: 1.2rem; margin: 2.4rem 0 .8rem;
  border-bottom: 1px solid var(--line); padding-bottom: .25rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .5rem; } p.sum, .soft { color: var(--soft); }
p.sum { margin: .3rem 0 1rem; } a { color: var(--c0); }
nav { display: flex; flex-wrap: wrap; gap: .2rem 1rem; font-size: .9rem; }
.tiles { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr));
  gap: .7rem; margin: 1.2rem 0; }
.tile { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .6rem .8rem; } .tile b { display: block; font-size: 1.35rem; line-height: 1.3;
  font-variant-numeric: tabular-nums; } .tile span { color: var(--soft); font-size: .85rem; }
.plots { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 460px), 1fr));
  gap: 1rem; } figure { margin: 0; background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: .6rem .7rem; } figcaption { font-weight: 600; font-size: .92rem;
  margin-bottom: .3rem; } figure svg { display: block; width: 100%; height: auto; }
figure svg text { font-family: system-ui, sans-serif; fill: var(--ink); }
.finding { border: 1px solid var(--line); border-left: 4px solid var(--warn); border-radius: 6px;
  padding: .5rem .9rem; margin: .5rem 0; } .finding b { color: var(--warn); }
.finding.error { border-left-color: var(--bad); } .finding.error b { color: var(--bad); }
.finding div { color: var(--soft); font-size: .92rem; } ol li { margin: .3rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; }
th { text-align: left; font-weight: 600; color: var(--soft); } th, td { padding: .18rem .8rem
  .18rem 0; vertical-align: top; overflow-wrap: normal; } td.n, th.n { text-align: right;
  font-variant-numeric: tabular-nums; white-space: nowrap; } tbody tr { border-top: 1px solid
  var(--line); } table.matrix td { text-align: center; padding: .25rem .45rem; min-width: 2.2rem;
  border: 1px solid var(--back); font-variant-numeric: tabular-nums; } table.matrix th {
  padding: .2rem .45rem; } table.matrix th.top { text-align: center; }
.samples { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); gap: .7rem;
  } .sample { background: var(--card); border: 1px solid var(--line); border-radius: 8px;
  padding: .5rem .6rem; font-size: .84rem; } .sample img { width: 100%; max-width: 160px;
  image-rendering: pixelated; border-radius: 4px; display: block; margin-bottom: .3rem; }
.sample .text { max-height: 8rem; overflow: auto; margin-top: .3rem; } .sample b {
  color: var(--bad); } .network svg { max-width: 100%; height: auto; } .network { overflow: auto;
  max-height: 900px; background: #fff; border: 1px solid var(--line); border-radius: 8px;
  padding: .5rem; } pre { background: var(--card); border: 1px solid var(--line);
  border-radius: 8px; padding: .7rem .9rem; overflow-x: auto; font-size: .84rem; line-height: 1.45;
  } details summary { cursor: pointer; color: var(--soft); }
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --back: #fff; --card: #fff;
  font-size: 12px; } body { max-width: none; padding: 0; font-size: 12px; } nav { display: none; }
  h2, h3, figcaption { break-after: avoid; } figure, .tile, .finding, .sample, tr, li {
  break-inside: avoid; } .plots { grid-template-columns: 1fr 1fr; } .samples {
  grid-template-columns: repeat(auto-fill, minmax(110px, 1fr)); } .network { max-height: none;
  overflow: visible; } .wide, .sample .text { overflow: visible; max-height: none; } pre {
  white-space: pre-wrap; overflow: visible; } details::details-content {
  content-visibility: visible; block-size: auto; } }
""".strip()
