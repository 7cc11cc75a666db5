/**
 * Where the objects of a vault are: a bucket below a prefix, or a folder. One conformance suite holds for every
 * implementation. Names are relative to the vault, as in docs/vault-format.md, section 1.
 */
export interface StoredObject {
  readonly name: string
  readonly sizeBytes: number
  readonly writtenMs: number
}

/** What takes whole objects, and gives them back. */
export interface ObjectStore {
  /** For people: `s3://bucket/prefix`, `file:///folder`. */
  readonly url: string
  /**
   * Writes a whole object, or nothing: never a part. When it returns, the object outlives a crash. May be repeated.
   * @returns `taken` when there is an object of that name: it is left as it is
   * @throws TandemError AccessDenied, AwsUnavailable, DiskUnwritable
   */
  put(name: string, bytes: Uint8Array): Promise<'written' | 'taken'>
  /** The whole object; undefined when there is none. What is returned here and below is the caller's alone. */
  get(name: string): Promise<Buffer | undefined>
  /** Bytes from `offset` on, fewer at the object's end; undefined when there is no such object. */
  range(name: string, offset: number, length: number): Promise<Buffer | undefined>
  /** The last bytes of an object, fewer when it is shorter; undefined when there is none. */
  tail(name: string, length: number): Promise<Buffer | undefined>
  /** All objects whose names begin with `prefix`, ascending by name. */
  list(prefix: string): AsyncIterable<StoredObject>
  /** @returns `locked` when retention forbids it: the object is still there */
  remove(name: string): Promise<'removed' | 'absent' | 'locked'>
  /** Removes what writers that died have left of unfinished objects, if it is older. @returns how many */
  removeUnfinished(writtenBeforeMs: number): Promise<number>
}

export interface VaultStore extends ObjectStore {
  /**
   * Begins an object that comes in pieces; nothing is written yet.
   * @param sizeMax bytes; more will not be appended
   */
  draft(name: string, sizeMax: number): ObjectDraft
}

/** An object that is there, whole and under its name, when `finish` returns, and not before. Whatever fails discards it. */
export interface ObjectDraft {
  /** Appends bytes, which are the draft's until it resolves; one call at a time. @throws TandemError as `put` */
  append(pieces: readonly Uint8Array[]): Promise<void>
  /** As `put` does with all that was appended. */
  finish(): Promise<'written' | 'taken'>
  /** Leaves nothing of a draft that is not finished, whatever is under way. */
  discard(): Promise<void>
}
