/** Codes of errors of the operating system. */
export const codeOf = (error: unknown): string | undefined =>
  error instanceof Error && 'code' in error ? String(error.code) : undefined

/** What somebody who reads an error code has to know. */
const MEANINGS: Readonly<Record<string, string>> = {
  ENOENT: 'it is not there',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left: make room and run it again, what was finished is kept',
  EDQUOT: 'the quota is used up: make room and run it again, what was finished is kept',
  EFBIG: 'the file would be larger than is allowed',
  EIO: 'the device reports an error',
  ENXIO: 'the device is gone',
  ENODEV: 'the device is gone',
  EISDIR: 'it is a folder',
}

/** For a message: the code, and what it means. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error)
  if (code === undefined) return String(error)
  const meaning = MEANINGS[code]
  return meaning === undefined ? code : `${code}, ${meaning}`
}
