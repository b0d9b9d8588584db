/** Colours of the light scheme, then of the dark one: all have a contrast of at least 4.5 to 1 on their ground. */
const COLOURS = `
:root{color-scheme:light dark;--ground:#f4f6f8;--card:#fff;--text:#1a1c20;--muted:#555b66;--line:#d5dae1;
--good:#146c2e;--bad:#b3261e;--wait:#7a4f01;--hand:#5b3fa0;--focus:#0b57d0}
@media(prefers-color-scheme:dark){:root{--ground:#121418;--card:#1b1e24;--text:#e6e8ec;--muted:#a6adba;
--line:#363c48;--good:#7fd698;--bad:#ffb4ab;--wait:#f2c46d;--hand:#cfbcff;--focus:#a8c7fa}}`

const PAGE = `
*{box-sizing:border-box}
body{font:1rem/1.5 system-ui,sans-serif;margin:0 auto;max-width:70rem;padding:1.5rem 1.25rem 3rem;
color:var(--text);background:var(--ground)}
h1{font-size:1.375rem;margin:0}h2{font-size:1.0625rem;margin:2rem 0 .5rem}
header{display:flex;flex-wrap:wrap;gap:.25rem 1.5rem;align-items:baseline;justify-content:space-between}
p{margin:.25rem 0}.muted{color:var(--muted);font-size:.875rem}
.summary{font-size:1.0625rem;margin:1rem 0 0;padding:.75rem 1rem;background:var(--card);
border:1px solid var(--line);border-left:.375rem solid currentColor;border-radius:.375rem}
.summary span{color:var(--text)}
a{color:var(--focus)}code{font-family:ui-monospace,monospace;font-size:.9375em;overflow-wrap:anywhere}
:focus-visible{outline:.1875rem solid var(--focus);outline-offset:.125rem}`

const TABLE = `
table{border-collapse:separate;border-spacing:0;width:100%;background:var(--card);
border:1px solid var(--line);border-radius:.375rem}
th,td{text-align:left;padding:.5rem .875rem;vertical-align:middle;overflow-wrap:anywhere}
th{font-weight:600}tbody th{min-width:9rem}td{overflow-wrap:break-word}thead th{color:var(--muted);font-size:.8125rem;overflow-wrap:normal}
tbody th,tbody td{border-top:1px solid var(--line)}
td time+.muted{white-space:nowrap}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}thead th.number{text-align:right}
.key{display:block;font-weight:400}
.state{display:inline-flex;gap:.4rem;align-items:center;font-weight:600;white-space:nowrap;
border:1px solid currentColor;border-radius:1rem;padding:.0625rem .625rem}
.closed,.joined{color:var(--good)}.open,.away{color:var(--bad)}.half_open,.joining{color:var(--wait)}
.held{color:var(--hand)}.attention{color:var(--bad)}
form{display:flex;gap:.5rem}
time{white-space:nowrap}
button{font:inherit;font-size:.875rem;white-space:nowrap;overflow-wrap:normal;min-height:2.25rem;padding:0 .75rem;cursor:pointer;color:var(--text);
background:var(--ground);border:1px solid var(--muted);border-radius:.375rem}
button:hover{border-color:var(--text)}`

/** On a phone or a tablet each row is a card, with the heading of its column in front of each cell. */
const PHONE = `
@media(max-width:56rem){
body{padding:1rem .75rem 2rem}
table,tbody,tr,th,td{display:block;width:100%}
thead{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%)}
table{background:none;border:0}
tr{background:var(--card);border:1px solid var(--line);border-radius:.375rem;padding:.5rem .875rem}
tbody{display:grid;gap:.75rem;grid-template-columns:repeat(auto-fill,minmax(min(100%,19rem),1fr))}
tbody th,tbody td,td.number{border:0;min-width:0;padding:.25rem 0;text-align:left;white-space:normal}
td{display:grid;grid-template-columns:7.5rem 1fr;gap:.5rem;align-items:center}
td::before{content:attr(data-label);color:var(--muted);font-size:.8125rem}
td>*{justify-self:start}form{flex-wrap:wrap}.state{white-space:normal}
button{min-height:2.75rem;min-width:4.5rem}}`

/** The style of the status page. */
export const STYLE = [COLOURS, PAGE, TABLE, PHONE].join('').replaceAll('\n', '')
