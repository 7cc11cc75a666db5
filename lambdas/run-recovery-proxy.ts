import { awsClients } from '../aws/clients.ts'
import { parseDeployedProxy, parseDeployedVaults } from '../aws/environment.ts'
import { awsPorts } from '../aws/ports.ts'
import { ec2ProxyLauncher } from '../aws/proxy-launcher.ts'
import { runRecoveryProxy as contract } from '../core/contracts/recovery-tasks.ts'
import { runRecoveryProxy } from '../core/use-cases/run-proxy.ts'
import { task } from './task.ts'

export const handler = task(contract, runRecoveryProxy, ({ CATALOG_TABLE, REPORTS_BUCKET, VAULTS, OWNER, PROXY }) => {
  const clients = awsClients()
  return {
    ...awsPorts({ table: CATALOG_TABLE, bucket: REPORTS_BUCKET }, clients),
    launcher: ec2ProxyLauncher(clients, parseDeployedProxy(PROXY), REPORTS_BUCKET),
    places: parseDeployedVaults(VAULTS),
    owner: OWNER,
  }
})
