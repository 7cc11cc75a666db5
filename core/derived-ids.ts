/**
 * Ids made from the run that needs them, so that a task that runs twice names the same thing twice, and so that a task that
 * failed before it could say what it made can still be cleaned up after.
 */
async function derivedFrom(text: string, byteCount = 10): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Array.from(new Uint8Array(digest).subarray(0, byteCount), (byte) => byte.toString(16).padStart(2, '0')).join(
    '',
  )
}

export const pointIdOf = async (run: string): Promise<string> => `pt-${await derivedFrom(run)}`
export const revertIdOf = async (run: string): Promise<string> => `rv-${await derivedFrom(run)}`

/** Of a disk's copy in a vault (docs/vault-format.md, section 1): every try of copying the point there has the same. */
export const diskCopyIdOf = (point: string, vault: string, volume: string): Promise<string> =>
  derivedFrom(`${point}/${vault}/${volume}`, 16)

/** Client token of a launch (64 characters at most): each try of each proxy of a run has its own. */
export const proxyTokenOf = async (run: string, place: number, attempt: number): Promise<string> =>
  `px-${await derivedFrom(`${run}/${place}/${attempt}`)}`

/** Client token of a snapshot that a volume's copy is written to: every try of a point starts the same snapshot. */
export const snapshotTokenOf = async (point: string, volume: string): Promise<string> =>
  `sn-${await derivedFrom(`${point}/${volume}`)}`
