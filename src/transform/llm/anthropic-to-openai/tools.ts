import type { CompletionRequest, FunctionTool, ToolChoice } from '../openai.js'
import type { Ignored } from '../ignored.js'
import type { Part } from '../part.js'
import { applyRules, readElsewhere, type Rules } from '../rules.js'

type Draft = { -readonly [Name in keyof FunctionTool['function']]: FunctionTool['function'][Name] }

const RULES: Rules<Draft> = {
  name: readElsewhere,
  input_schema: readElsewhere,
  type: readElsewhere,
  description: (member, to) => {
    to.description = member.text()
  },
  strict: (member, to) => {
    if (member.flag()) to.strict = true
  },
}

/** The tools of a request. */
export function readTools(tools: Part, ignored: Ignored): FunctionTool[] {
  return tools.items().map((tool) => {
    refuseServerTool(tool.get('type'))
    const to: Draft = {
      name: tool.get('name').word(),
      parameters: tool.get('input_schema').object(),
    }
    return { type: 'function', function: applyRules(tool, RULES, to, ignored) }
  })
}

/** What the provider runs itself, or knows the schema of, has a type of its own. */
function refuseServerTool(type: Part): void {
  if (!type.isAbsent && type.text() !== 'custom')
    type.unsupported('tools that the provider itself defines are not translated')
}

const CHOICES: Readonly<Record<string, ToolChoice>> = {
  auto: 'auto',
  any: 'required',
  none: 'none',
}

/** `tool_choice`, which is two members in Chat Completions. */
export function readToolChoice(
  choice: Part,
  hasTools: boolean,
): Pick<CompletionRequest, 'tool_choice' | 'parallel_tool_calls'> {
  if (choice.isAbsent) return {}
  const serial = choice.get('disable_parallel_tool_use')
  return {
    tool_choice: choiceOf(choice),
    ...(hasTools && !serial.isAbsent && serial.flag() && { parallel_tool_calls: false }),
  }
}

function choiceOf(choice: Part): ToolChoice {
  const type = choice.get('type')
  if (type.text() === 'tool')
    return { type: 'function', function: { name: choice.get('name').word() } }
  const known = Object.hasOwn(CHOICES, type.text()) ? CHOICES[type.text()] : undefined
  return known ?? type.wrong('auto, any, tool or none')
}
