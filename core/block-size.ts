/** EBS's block, and the vault format's (AWS facts B; docs/vault-format.md). */
export const BLOCK_BYTES = 512 * 1024

export const GIB = 1024 ** 3
