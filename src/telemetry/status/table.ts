import { markup, type Markup } from './markup.js'
import { span } from './words.js'

/** A column of a table, and what a row has in it. */
export interface Column<Row> {
  readonly title: string
  readonly cell: (row: Row) => Markup
  readonly isNumber?: boolean
}

/** The columns of a table; the first one names its rows. */
export type Columns<Row> = readonly [Column<Row>, ...Column<Row>[]]

/** A part of the page with its heading. */
export const section = (title: string, content: Markup): Markup =>
  markup`<section>
<h2>${title}</h2>
${content}
</section>
`

/**
 * A table. Its roles are written down because a phone shows the rows as cards, and browsers take a table
 * that is not displayed as one for none.
 */
export function table<Row>(title: string, columns: Columns<Row>, rows: readonly Row[]): Markup {
  const heads = columns.map(
    (column) => markup`<th role="columnheader" scope="col"${classOf(column)}>${column.title}</th>`,
  )
  return markup`<table role="table" aria-label="${title}">
<thead role="rowgroup"><tr role="row">${heads}</tr></thead>
<tbody role="rowgroup">
${rows.map((row) => lineOf(row, columns))}</tbody>
</table>`
}

function lineOf<Row>(row: Row, [first, ...others]: Columns<Row>): Markup {
  const cells = others.map(
    (column) =>
      markup`<td role="cell" data-label="${column.title}"${classOf(column)}>${column.cell(row)}</td>`,
  )
  return markup`<tr role="row"><th role="rowheader" scope="row">${first.cell(row)}</th>${cells}</tr>
`
}

const classOf = ({ isNumber }: { readonly isNumber?: boolean }): Markup =>
  isNumber === true ? markup` class="number"` : markup``

/** A cell of plain text. */
export const text = (value: string | number): Markup => markup`<span>${value}</span>`

/** A moment, as a clock in UTC shows it; with the day where that is another one. */
export function clock(moment: string, now: string): Markup {
  const [day = '', time = ''] = moment.split('T')
  const at = `${time.slice(0, 8)} UTC`
  return markup`<time datetime="${moment}">${now.startsWith(day) ? at : `${day}, ${at}`}</time>`
}

/** A moment that has passed, and how long ago that was. */
export function ago(moment: string, now: string): Markup {
  const seconds = (Date.parse(now) - Date.parse(moment)) / 1000
  return markup`<span>${clock(moment, now)} <span class="muted">(${span(seconds)} ago)</span></span>`
}

/** A sign and a word for a state: none is told by its colour alone. */
export const badge = (state: string, sign: string, word: string): Markup =>
  markup`<span class="state ${state}"><span aria-hidden="true">${sign}</span> ${word}</span>`
