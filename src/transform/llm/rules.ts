import type { Ignored } from './ignored.js'
import type { Part } from './part.js'

/** What is done with one member of an object: it adds to what is made of the object. */
export type Rule<To> = (member: Part, to: To) => void

/** The rules by the names of the members. */
export type Rules<To> = Readonly<Record<string, Rule<To>>>

/** Applies the rules to the members of an object. A member without a rule is left out, and named. */
export function applyRules<To>(from: Part, rules: Rules<To>, to: To, ignored: Ignored): To {
  for (const member of from.members()) {
    const rule = Object.hasOwn(rules, member.name) ? rules[member.name] : undefined
    if (rule) rule(member, to)
    else ignored.add(member)
  }
  return to
}

/** A member that is read together with another one. */
export const readElsewhere: Rule<unknown> = () => undefined

/** A member that the other side cannot say; with `neutral`, the value that asks for nothing passes. */
export function refused(detail: string, ...neutral: readonly unknown[]): Rule<unknown> {
  return (member) => {
    if (!neutral.includes(member.value)) member.unsupported(detail)
  }
}
