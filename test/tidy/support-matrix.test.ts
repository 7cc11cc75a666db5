import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startAccount, type Account } from '../../local/account.ts'
import { autoClock } from '../../local/clock.ts'
import { serviceEndpoint } from '../../local/wire/endpoint.ts'

/** Sections of `local/README.md` by the SDK's client; EC2's operations are in two of them. */
const SECTIONS: Readonly<Record<string, readonly string[]>> = {
  EC2Client: ['EC2: instances, images, network', 'EBS'],
  EBSClient: ['EBS direct APIs'],
  KMSClient: ['KMS'],
  SSMClient: ['SSM'],
  SFNClient: ['Step Functions'],
  LambdaClient: ['Lambda'],
  S3Client: ['S3'],
  EventBridgeClient: ['EventBridge'],
  SchedulerClient: ['Scheduler'],
  SQSClient: ['SQS'],
  IAMClient: ['IAM'],
  STSClient: ['STS'],
}

/** `| Operation, Operation | support | notes |` */
const ROW = /^\| *`?([A-Z][A-Za-z0-9, `]+?)`? *\| *([a-z]+) *\| *(.*?) *\|$/

interface Row {
  readonly operation: string
  readonly support: string
  readonly note: string
}

/** Rows of the tables by section. */
function readMatrix(markdown: string): ReadonlyMap<string, Row[]> {
  const sections = new Map<string, Row[]>()
  let rows: Row[] = []
  for (const line of markdown.split('\n')) {
    const heading = /^## (.+)$/.exec(line)?.[1]
    if (heading) sections.set(heading, (rows = []))
    const [, operations = '', support = '', note = ''] = ROW.exec(line) ?? []
    for (const operation of operations.split(',').map((name) => name.replaceAll('`', '').trim()))
      if (operation && operation !== 'Operation') rows.push({ operation, support, note })
  }
  return sections
}

const matrix = readMatrix(readFileSync('local/README.md', 'utf8'))

let account: Account
beforeAll(async () => {
  account = await startAccount({ clock: autoClock(0) })
})
afterAll(() => account.close())

const implemented = (clientName: string): string[] =>
  account
    .at(account.accountId, account.region)
    .services.filter((service) => service.clientName === clientName)
    .flatMap(({ operations }) => Object.keys(operations))
    .toSorted()

const rowsOf = (clientName: string): Row[] =>
  (SECTIONS[clientName] ?? []).flatMap((section) => matrix.get(section) ?? [])

describe('the support matrix of local/README.md', () => {
  it('has a section for each service', () => {
    const { services } = account.at(account.accountId, account.region)
    expect(services.map(({ clientName }) => clientName).toSorted()).toEqual(Object.keys(SECTIONS).toSorted())
  })

  it('is about operations that the clients of the services have', async () => {
    const { services } = account.at(account.accountId, account.region)
    await Promise.all(services.map((service) => serviceEndpoint(service).open()))
  })

  it.each(Object.keys(SECTIONS))('names what is implemented of %s, each operation once', (clientName) => {
    const named = rowsOf(clientName).map(({ operation }) => operation)
    expect(named.toSorted()).toEqual(implemented(clientName))
  })

  it.each(Object.keys(SECTIONS))('says of each operation of %s how far it goes', (clientName) => {
    for (const { operation, support, note } of rowsOf(clientName)) {
      expect(['faithful', 'approximate'], operation).toContain(support)
      if (support === 'approximate') expect(note, `${operation} is approximate: in what?`).not.toBe('')
    }
  })
})
