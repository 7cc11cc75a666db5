/** Every resource has its place in the order of creation: lists are given, and paged, in that order. */
export interface Resource {
  readonly id: string
  readonly order: number
  readonly createdMs: number
  readonly tags: Map<string, string>
}
