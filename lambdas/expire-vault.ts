import { parseDeployedCopies, parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { expireVault as contract } from '../core/contracts/expiry-tasks.ts'
import { expireVault } from '../core/use-cases/expire-vault.ts'
import { expiringVaults } from '../mover/expiring-vaults.ts'
import { task } from './task.ts'

export const handler = task(contract, expireVault, ({ CATALOG_TABLE, VAULTS, COPY_RULES }) => ({
  ...awsPorts({ table: CATALOG_TABLE }),
  vaults: expiringVaults,
  places: parseDeployedVaults(VAULTS),
  copyRules: parseDeployedCopies(COPY_RULES),
}))
