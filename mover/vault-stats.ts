import { PREFIX } from './format/names.ts'
import type { Vault } from './vault.ts'

export type VaultStats = Readonly<Record<keyof typeof PREFIX, { readonly objectCount: number; readonly bytes: number }>>

/** What the vault consists of, from listings alone. */
export async function vaultStats({ store }: Vault): Promise<VaultStats> {
  const kinds = Object.entries(PREFIX).map(async ([kind, prefix]) => {
    let [objectCount, bytes] = [0, 0]
    for await (const { sizeBytes } of store.list(prefix)) {
      objectCount += 1
      bytes += sizeBytes
    }
    return [kind, { objectCount, bytes }] as const
  })
  return Object.fromEntries(await Promise.all(kinds)) as VaultStats
}
