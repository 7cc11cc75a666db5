/** The categories of instance metadata as a tree of files; a path ends in text or in a list of what is below it. */

/** Absent entries are not there at all. A function is asked when its file is read, so that a list costs nothing. */
export interface Folder {
  readonly [name: string]: Folder | string | (() => string) | undefined
}

const isFolder = (entry: Folder[string]): entry is Folder => typeof entry === 'object'

/** Lines, folders with a slash at their end, as the service lists them. */
function listed(folder: Folder): string {
  return Object.entries(folder)
    .filter(([, entry]) => entry !== undefined)
    .map(([name, entry]) => (isFolder(entry) ? `${name}/` : name))
    .join('\n')
}

/** What a path leads to, or undefined. A slash at its end changes nothing. */
export function read(root: Folder, path: readonly string[]): string | undefined {
  let entry: Folder[string] = root
  for (const name of path.filter((part) => part !== '')) {
    if (!isFolder(entry) || !Object.hasOwn(entry, name)) return undefined
    entry = entry[name]
  }
  if (isFolder(entry)) return listed(entry)
  return typeof entry === 'function' ? entry() : entry
}
