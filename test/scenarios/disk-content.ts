import { createHash } from 'node:crypto'
import { piecesOf } from '../../demo/proof.ts'

const ZEROS = Buffer.alloc(4 * 1024 ** 2)

/**
 * Digest of all that is on a disk, and where: two disks of one size have the same if, and only if, they are the same byte for
 * byte. Zeros are only compared, not hashed, which takes a third of the time for disks that are mostly empty.
 */
export async function contentOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  let at = 0
  for await (const piece of piecesOf(path)) {
    if (!piece.equals(ZEROS.subarray(0, piece.length))) hash.update(`at ${at}\n`).update(piece)
    at += piece.length
  }
  return hash.update(`size ${at}`).digest('hex')
}
