import { compile, expressionIn } from './jsonata.ts'
import { isObject } from './problems.ts'
import type { Problems } from './problems.ts'

/** Every expression must compile, and no `${…}` that a deployment forgot to fill in may be left. */
export function checkTemplate(template: unknown, path: string, problems: Problems): void {
  if (typeof template === 'string') checkText(template, path, problems)
  else if (Array.isArray(template))
    for (const [index, value] of template.entries()) checkTemplate(value, `${path}[${index}]`, problems)
  else if (isObject(template))
    for (const [key, value] of Object.entries(template)) checkTemplate(value, `${path}/${key}`, problems)
}

function checkText(text: string, path: string, problems: Problems): void {
  const source = expressionIn(text)
  if (source === undefined) {
    if (/\$\{[^}]*\}/.test(text)) problems.schema(`The substitution ${text} was not made`, path)
    return
  }
  try {
    compile(source)
  } catch (error) {
    const reason = isObject(error) || error instanceof Error ? String(error.message) : String(error)
    problems.schema(`The JSONata expression is not valid: ${reason}`, path)
  }
}
