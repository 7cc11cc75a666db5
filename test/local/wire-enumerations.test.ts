/** Values that no enumeration of the services' models has. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'

import { readEnumerations } from '../../local/wire/enumerations-of-sdk.ts'
import { ENUMERATIONS_PATH } from '../../local/wire/enumerations.ts'
import { placesIn, RandomValues } from './random-values.ts'
import { CLIENTS, connect, operationsOf } from './wire-connection.ts'
import type { Command, Connection } from './wire-connection.ts'

const WRONG = 'no-such-value'
const SEED = 20_261_127

/** By client: how it refuses a wrong value of a member that the wire calls `name`. */
const REFUSALS: Readonly<Record<string, readonly [code: string, text: (name: string) => string]>> = {
  EC2Client: [
    'InvalidParameterValue',
    (name) =>
      name === 'resourceType'
        ? `'${WRONG}' is not a valid taggable resource type for this operation.`
        : `Value (${WRONG}) for parameter ${name} is invalid.`,
  ],
  IAMClient: ['ValidationError', (name) => `${name}' failed to satisfy constraint: Member must satisfy enum value set`],
}
const USUAL_REFUSAL = [
  'ValidationException',
  (name: string) => `${name}' failed to satisfy constraint: Member must satisfy`,
] as const

/** How a call is refused: its code and text. */
async function refusalOf({ sdk, client }: Connection, operation: string, input: object): Promise<string> {
  const Command = sdk[`${operation}Command`] as Command
  try {
    await client.send(new Command(input))
    return 'none'
  } catch (error) {
    return `${(error as Error).name} ${(error as Error).message}`
  }
}

const wireName = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)

it('are looked for in a table that is what the installed clients declare (run npm run format)', async () => {
  expect(readFileSync(ENUMERATIONS_PATH, 'utf8')).toBe(await readEnumerations())
})

describe('a value that an enumeration does not have', () => {
  const checked = ['ec2', 'sfn', 'ssm', 'kms', 'eventbridge', 'scheduler', 'lambda', 'iam']
  const clients = CLIENTS.filter(([module]) => checked.includes(module))

  it.each(clients)('is refused by %s in its own words, wherever in a request it is', async (module, clientName) => {
    const connection = await connect(module, clientName)
    const { enumerations } = connection
    const values = new RandomValues(SEED, () => false, enumerations)
    const isEnumeration = (structure: string | undefined, member: string): boolean =>
      enumerations(structure, member) !== undefined
    const [code, text] = REFUSALS[clientName] ?? USUAL_REFUSAL
    let count = 0
    for (const { name: operation, input } of operationsOf(connection)) {
      for (const { name, isList, around } of placesIn(values, input, isEnumeration)) {
        const refusal = await refusalOf(connection, operation, around(isList ? [WRONG] : WRONG))
        expect([operation, name, refusal.split(' ', 1)[0], refusal]).toEqual([
          operation,
          name,
          code,
          expect.stringContaining(text(wireName(name))),
        ])
        count += 1
      }
    }
    expect(count).toBeGreaterThan(5)
  })

  it('is named with all else that is wrong by the services that speak JSON', async () => {
    const connection = await connect('kms', 'KMSClient')
    const GrantTokens = ['t']
    expect(await refusalOf(connection, 'GenerateDataKey', { KeySpec: 'AES_1', GrantTokens })).toBe(
      "ValidationException 2 validation errors detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null; " +
        "Value 'AES_1' at 'keySpec' failed to satisfy constraint: Member must satisfy enum value set: [AES_128, AES_256]",
    )
  })

  it('is named with the list that it is in, beside values that are right', async () => {
    const connection = await connect('kms', 'KMSClient')
    const Operations = ['Decrypt', WRONG]
    expect(await refusalOf(connection, 'CreateGrant', { KeyId: 'k', GranteePrincipal: 'p', Operations })).toMatch(
      /^ValidationException 1 validation error detected: Value '\[Decrypt, no-such-value\]' at 'operations' failed to satisfy constraint: Member must satisfy constraint: \[Member must satisfy enum value set: \[/,
    )
  })

  it('is let through where new values appear faster than SDKs', async () => {
    const connection = await connect('ec2', 'EC2Client')
    const input = { MinCount: 1, MaxCount: 1, InstanceType: 'z99.huge' }
    expect(await refusalOf(connection, 'RunInstances', input)).toBe('none')
  })
})
