/** The zones of a Region: three. */
import { invalidValue } from '../request.ts'

export interface Zone {
  readonly name: string
  readonly id: string
}

export interface Zones {
  readonly all: readonly Zone[]
  /** @throws AwsError InvalidParameterValue */
  zoneNamed(name: string): Zone
  zoneWithId(id: string): Zone
}

const ZONE_LETTERS = ['a', 'b', 'c']

const DIRECTIONS: Readonly<Record<string, string>> = {
  north: 'n',
  south: 's',
  east: 'e',
  west: 'w',
  central: 'c',
  northeast: 'ne',
  northwest: 'nw',
  southeast: 'se',
  southwest: 'sw',
}

/** `eu-central-1` → `euc1`, as in the zone id `euc1-az1`. */
function shortRegion(region: string): string {
  const [area = region, direction = '', number = ''] = region.split('-')
  return `${area}${DIRECTIONS[direction] ?? direction}${number}`
}

export function zonesOf(region: string): Zones {
  const all = ZONE_LETTERS.map((letter, index) => ({
    name: `${region}${letter}`,
    id: `${shortRegion(region)}-az${index + 1}`,
  }))
  return {
    all,
    zoneNamed(name) {
      const zone = all.find((candidate) => candidate.name === name)
      if (!zone) throw invalidValue(`Invalid availability zone: [${name}]`)
      return zone
    },
    zoneWithId(id) {
      const zone = all.find((candidate) => candidate.id === id)
      if (!zone) throw invalidValue(`Invalid availability zone-id: [${id}]`)
      return zone
    },
  }
}
