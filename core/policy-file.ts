import { policyFile, type PolicyFile } from './contracts/policies.ts'
import { TandemError } from './errors.ts'
import { faultsOf } from './parse-request.ts'

/**
 * The policy file's text, checked. Throws PolicyFileInvalid, which names the file and every wrong field by its path.
 *
 * @param path where the text is from, for the message
 */
export function parsePolicyFile(text: string, path: string): PolicyFile {
  let content: unknown
  try {
    content = JSON.parse(text)
  } catch (error) {
    throw new TandemError('PolicyFileInvalid', `${path} is not JSON: ${(error as Error).message}`, { cause: error })
  }
  const parsed = policyFile.safeParse(content)
  if (parsed.success) return parsed.data
  throw new TandemError(
    'PolicyFileInvalid',
    `${path} is not a valid policy file:\n${faultsOf(parsed.error)
      .map((fault) => `  ${fault}`)
      .join('\n')}`,
  )
}
