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
