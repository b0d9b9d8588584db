/**
 * Counts the strings of a value that was parsed from JSON, the names of members included.
 *
 * @param levels - Most levels of nesting.
 * @returns NaN when it is nested deeper, a member has the name `__proto__`, or a number is not finite;
 *   and when it cannot be told, because somebody has put an enumerable member on `Object.prototype`.
 */
export function countStrings(value: unknown, levels: number): number {
  for (const name in NO_MEMBERS) return name.length * NaN
  return countInList([value], levels)
}

const NO_MEMBERS = {}

function countIn(value: object, levels: number): number {
  if (levels === 0) return NaN
  return Array.isArray(value) ? countInList(value, levels - 1) : countInObject(value, levels - 1)
}

function countInList(list: readonly unknown[], levels: number): number {
  let strings = 0
  for (let at = 0; at < list.length; at += 1) {
    const item = list[at]
    if (typeof item === 'string') strings += 1
    else if (typeof item === 'object' && item !== null) strings += countIn(item, levels)
    else if (typeof item === 'number' && !isFinite(item)) return NaN
  }
  return strings
}

/** A loop over the names alone makes no lists of them. */
function countInObject(object: object, levels: number): number {
  let strings = 0
  for (const name in object) {
    if (name === '__proto__') return NaN
    strings += 1
    const member: unknown = object[name as keyof typeof object]
    if (typeof member === 'string') strings += 1
    else if (typeof member === 'object' && member !== null) strings += countIn(member, levels)
    else if (typeof member === 'number' && !isFinite(member)) return NaN
  }
  return strings
}
