/** What the schemas of the SDK's clients leave out: which members are enumerations. */
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'

/** Written by `enumerations-of-sdk.ts`. */
export const ENUMERATIONS_PATH = resolve(import.meta.dirname, 'enumerations.json')

/** By the client's name: enumeration → its members, as `Structure.Member` separated by spaces. */
type EnumerationTable = Readonly<Record<string, Readonly<Record<string, string>>>>

/** The values that a member of a structure may have; undefined when it is no enumeration, or an open one. */
export type Enumerations = (structure: string | undefined, member: string) => readonly string[] | undefined

let table: EnumerationTable | undefined

/** The enumerations of one client. The values are those of its module, `sdk`. */
export function enumerationsOf(clientName: string, sdk: object): Enumerations {
  table ??= JSON.parse(readFileSync(ENUMERATIONS_PATH, 'utf8')) as EnumerationTable
  const values = new Map<string, readonly string[]>()
  for (const [name, places] of Object.entries(table[clientName] ?? {})) {
    const enumeration = Object.values(Reflect.get(sdk, name) as Readonly<Record<string, string>>)
    for (const place of places.split(' ')) values.set(place, enumeration)
  }
  return (structure, member) => values.get(`${structure}.${member}`)
}
