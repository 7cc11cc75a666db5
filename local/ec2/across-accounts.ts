/** What is listed of several accounts together. */
interface Ordered {
  readonly order: number
}

export interface Placed<Resource extends Ordered> extends Ordered {
  readonly resource: Resource
}

/** More than one account ever makes: each account has places of its own in the order, so that pages go on where they ended. */
const ORDERS = 2 ** 40

/** Gives resources of several accounts one order, account by account. */
export function* placed<Resource extends Ordered>(accounts: Iterable<Iterable<Resource>>): Generator<Placed<Resource>> {
  let first = 0
  for (const resources of accounts) {
    for (const resource of resources) yield { order: first + resource.order, resource }
    first += ORDERS
  }
}

const NO_TAGS: ReadonlyMap<string, string> = new Map()

/** A resource as an account sees it: tags of what is shared stay with its owner (AWS facts A.5). */
export const asSeenBy = <Resource extends { readonly ownerId: string; readonly tags: ReadonlyMap<string, string> }>(
  { accountId }: { readonly accountId: string },
  resource: Resource,
): Resource => (resource.ownerId === accountId ? resource : { ...resource, tags: NO_TAGS })
