import type { Tool, ToolChoice } from '../anthropic.js'
import type { Ignored } from '../ignored.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, type Rules } from '../rules.js'

const NOT_A_FUNCTION = 'only tools of the type function are translated'

type Draft = { -readonly [Name in keyof Tool]: Tool[Name] }

const RULES: Rules<Draft> = {
  name: readElsewhere,
  description: (member, to) => {
    to.description = member.text()
  },
  parameters: (member, to) => {
    to.input_schema = { ...member.object(), type: 'object' }
  },
  strict: (member, to) => {
    if (member.flag()) to.strict = true
  },
}

/** The tools of a request. */
export function readTools(tools: Part, ignored: Ignored): Tool[] {
  return tools.items().map((tool) => {
    requireFunction(tool.get('type'))
    const from = tool.get('function')
    const to: Draft = { name: from.get('name').word(), input_schema: { type: 'object' } }
    return applyRules(from, RULES, to, ignored)
  })
}

/** Refuses what is called in another way than by its name and arguments. */
export function requireFunction(type: Part): void {
  if (type.text() !== 'function') type.unsupported(NOT_A_FUNCTION)
}

const CHOICES: Readonly<Record<string, ToolChoice>> = {
  auto: { type: 'auto' },
  none: { type: 'none' },
  required: { type: 'any' },
}

/** `tool_choice` and `parallel_tool_calls`, which are one member of the Messages API. */
export function readToolChoice(from: Part, hasTools: boolean): ToolChoice | undefined {
  const choice = choiceOf(from.get('tool_choice'))
  const parallel = from.get('parallel_tool_calls')
  if (parallel.isAbsent || parallel.flag() || !hasTools) return choice
  if (choice?.type === 'none') return choice
  return { ...(choice ?? { type: 'auto' }), disable_parallel_tool_use: true }
}

function choiceOf(choice: Part): ToolChoice | undefined {
  if (choice.isAbsent) return undefined
  if (!choice.isText) {
    requireFunction(choice.get('type'))
    return { type: 'tool', name: choice.get('function').get('name').word() }
  }
  const known = Object.hasOwn(CHOICES, choice.text()) ? CHOICES[choice.text()] : undefined
  return known ?? choice.wrong('auto, none, required or an object')
}
