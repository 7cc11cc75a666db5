import type { DeployedVault, DeployedVaults } from './contracts/policies.ts'
import { TandemError } from './errors.ts'

/** The vaults of a deployment, by their names in the policy file. */

/** For people. */
export const vaultUrl = ({ bucket, prefix }: Pick<DeployedVault, 'bucket' | 'prefix'>): string =>
  `s3://${bucket}/${prefix}`

/** The vault that somebody names. Throws VaultNotFound, which names those there are. */
export function namedVault(places: DeployedVaults, name: string): DeployedVault {
  const place = places[name]
  if (place) return place
  const known = Object.keys(places).toSorted().join(', ')
  throw new TandemError(
    'VaultNotFound',
    `There is no vault ${name} in this deployment. ${known === '' ? 'It has none: add one under "vaults" of the policy file, and deploy.' : `It has: ${known}.`}`,
  )
}

/** The vault that a record was written for. Throws VaultNotFound. */
export function placeOf(places: DeployedVaults, { vault }: { readonly vault: string }): DeployedVault {
  const place = places[vault]
  if (place) return place
  throw new TandemError('VaultNotFound', `Vault ${vault} is no longer in this deployment: its policy file was changed.`)
}
