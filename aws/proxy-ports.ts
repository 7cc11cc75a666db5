import { awsClients } from './clients.ts'
import { parseDeployedProxy, parseDeployedVaults } from './environment.ts'
import { awsPorts } from './ports.ts'
import { ec2ProxyLauncher } from './proxy-launcher.ts'

interface Environment {
  readonly CATALOG_TABLE: string
  readonly REPORTS_BUCKET: string
  readonly VAULTS: string
  readonly OWNER: string
  readonly PROXY: string
}

/** What a task needs that launches proxies. */
export function proxyPorts({ CATALOG_TABLE, REPORTS_BUCKET, VAULTS, OWNER, PROXY }: Environment) {
  const clients = awsClients()
  return {
    ...awsPorts({ table: CATALOG_TABLE, bucket: REPORTS_BUCKET }, clients),
    launcher: ec2ProxyLauncher(clients, parseDeployedProxy(PROXY), REPORTS_BUCKET),
    places: parseDeployedVaults(VAULTS),
    owner: OWNER,
  }
}
