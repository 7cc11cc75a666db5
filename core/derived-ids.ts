/**
 * Ids made from the run that needs them, so that a task that runs twice names the same thing twice, and so that a task that
 * failed before it could say what it made can still be cleaned up after.
 */
async function derivedFrom(run: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(run))
  return Array.from(new Uint8Array(digest).subarray(0, 10), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

export const pointIdOf = async (run: string): Promise<string> => `pt-${await derivedFrom(run)}`
export const revertIdOf = async (run: string): Promise<string> => `rv-${await derivedFrom(run)}`
