/**
 * The catalog's one table, as data: what `cdk/` builds and what `aws/` reads and writes. All key attributes are strings; an
 * item without an index's partition key is not in that index.
 */
export const TABLE = {
  partitionKey: 'pk',
  sortKey: 'sk',
  indexes: {
    /** Every machine that was ever seen. */
    machines: { name: 'machines', partitionKey: 'machineList', sortKey: 'machine' },
    /** What is not in a final state: points, reverts, ledger entries. Oldest first. */
    open: { name: 'open', partitionKey: 'openKind', sortKey: 'openSince' },
  },
} as const
