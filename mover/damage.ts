/** What becomes of a damage that a reader can go on without; any other error stays one. */
import { isTandemError } from '../core/errors.ts'

/** For `catch`: undefined in the place of what is damaged. */
export function ignoreDamage(error: unknown): undefined {
  if (isTandemError(error, 'VaultDamaged')) return undefined
  throw error
}

/** For `catch`: what is damaged, in words that name it. */
export function tellDamage(error: unknown): string {
  if (isTandemError(error, 'VaultDamaged')) return error.message
  throw error
}
