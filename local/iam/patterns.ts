/** Texts of policies with `*`, `?` and policy variables, compiled so that a decision costs microseconds. */

export type ContextValue = string | number | boolean | readonly string[]

/** Value of a condition key (its name in lower case) in the request that is being decided; undefined: the request has none. */
export type Context = (key: string) => ContextValue | undefined

/** `undefined`: the pattern names a variable that the request has no value for, so that nothing can be said. */
export type Matcher = (text: string, context: Context) => boolean | undefined

type Token =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'wildcard'; readonly sign: '*' | '?' }
  | { readonly kind: 'variable'; readonly key: string; readonly fallback?: string }

/** How a pattern is read: `arn` keeps wildcards of the first five parts of an ARN within their part. */
type Reading = 'glob' | 'arn' | 'literal'

/** `${aws:username}`, `${aws:username, 'default'}`; `${*}`, `${?}` and `${$}` are those signs themselves. */
const VARIABLE = /\$\{(?:([*?$])|([^}',]+?)\s*(?:,\s*'([^']*)'\s*)?)\}/g

function tokensOf(pattern: string, reading: Reading, hasVariables: boolean): Token[] {
  const tokens: Token[] = []
  const plain = (text: string): void => {
    for (const part of reading === 'literal' ? [text] : text.split(/([*?])/))
      if (reading !== 'literal' && (part === '*' || part === '?')) tokens.push({ kind: 'wildcard', sign: part })
      else if (part !== '') tokens.push({ kind: 'text', text: part })
  }
  let end = 0
  for (const match of hasVariables ? pattern.matchAll(VARIABLE) : []) {
    plain(pattern.slice(end, match.index))
    end = match.index + match[0].length
    const [, sign, key = '', fallback] = match
    if (sign !== undefined) tokens.push({ kind: 'text', text: sign })
    else
      tokens.push({ kind: 'variable', key: key.trim().toLowerCase(), ...(fallback === undefined ? {} : { fallback }) })
  }
  plain(pattern.slice(end))
  return tokens
}

const escaped = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&')

const ARN_PARTS = 6

/** Source of the regular expression of a pattern. `valueOf` gives a variable's value. */
function sourceOf(
  tokens: readonly Token[],
  reading: Reading,
  valueOf: (token: Token & { kind: 'variable' }) => string,
): string {
  let parts = 1
  return tokens
    .map((token, index) => {
      if (token.kind === 'variable') return escaped(valueOf(token))
      if (token.kind === 'text') {
        parts += token.text.split(':').length - 1
        return escaped(token.text)
      }
      // The last `*` of a pattern reaches over colons, whichever part it is in.
      const isWithinPart = reading === 'arn' && parts < ARN_PARTS && index < tokens.length - 1
      const any = isWithinPart ? '[^:]' : '.'
      return token.sign === '*' ? `${any}*` : any
    })
    .join('')
}

/**
 * Compiles a pattern. Variables are those of version 2012-10-17 of the policy language; in the older one they are text.
 * @param ignoresCase for actions and `…IgnoreCase`
 */
export function compilePattern(
  pattern: string,
  reading: Reading,
  {
    hasVariables = true,
    ignoresCase = false,
  }: { readonly hasVariables?: boolean; readonly ignoresCase?: boolean } = {},
): Matcher {
  const tokens = tokensOf(pattern, reading, hasVariables)
  const flags = ignoresCase ? 'is' : 's'
  const variables = tokens.filter((token) => token.kind === 'variable')
  if (variables.length > 0) {
    return (text, context) => {
      const values = new Map(variables.map((variable) => [variable, valueOf(variable, context)]))
      if ([...values.values()].includes(undefined)) return undefined
      return new RegExp(`^${sourceOf(tokens, reading, (variable) => values.get(variable) ?? '')}$`, flags).test(text)
    }
  }
  const [only] = tokens
  if (tokens.length === 1 && only?.kind === 'wildcard' && only.sign === '*') return () => true
  if (!ignoresCase && tokens.every(({ kind }) => kind === 'text')) {
    const whole = tokens.map((token) => (token.kind === 'text' ? token.text : '')).join('')
    return (text) => text === whole
  }
  const expression = new RegExp(`^${sourceOf(tokens, reading, () => '')}$`, flags)
  return (text) => expression.test(text)
}

/** Names of the variables in a pattern, in lower case. */
export const variablesIn = (pattern: string): string[] =>
  tokensOf(pattern, 'literal', true).flatMap((token) => (token.kind === 'variable' ? [token.key] : []))

function valueOf({ key, fallback }: Token & { kind: 'variable' }, context: Context): string | undefined {
  const value = context(key)
  return value === undefined || typeof value === 'object' ? fallback : String(value)
}
