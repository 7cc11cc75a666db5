import type { DeployedVault, DeployedVaults } from '../contracts/policies.ts'
import type { CopyVault, PointInVault, Vaults } from '../copy-ports.ts'
import { isTandemError, TandemError } from '../errors.ts'
import { msBetween } from '../instants.ts'
import { namedVault } from '../vault-places.ts'

export interface VaultPorts {
  readonly vaults: Pick<Vaults, 'open'>
  readonly places: DeployedVaults
}

interface Wanted {
  readonly machine: string
  readonly point?: string | undefined
  readonly vault?: string | undefined
}

interface FoundCopy {
  /** Of the vault. */
  readonly name: string
  readonly place: DeployedVault
  readonly vault: CopyVault
  readonly found: PointInVault
}

/** `unreachable`: vaults that might have a newer one, with why nobody knows, for people. */
export type ChosenCopy = FoundCopy & { readonly unreachable: readonly string[] }

/**
 * The point that is wanted, or the machine's newest, in the vault that is wanted, or in any of the deployment. Of several vaults one
 * that is out of reach does not cost the machine what the others have. Throws CopyNotFound, VaultNotFound, and what opening a vault throws.
 */
export async function chosenCopy({ vaults, places }: VaultPorts, wanted: Wanted): Promise<ChosenCopy> {
  const { machine, point } = wanted
  const all: FoundCopy[] = []
  const faults: { readonly name: string; readonly error: TandemError }[] = []
  for (const [name, place] of placesFor(places, wanted.vault))
    try {
      const vault = await vaults.open(place)
      for (const found of await vault.points(machine)) all.push({ name, place, vault, found })
    } catch (error) {
      // What may be over soon is waited for.
      if (wanted.vault !== undefined || !isTandemError(error) || error.kind !== 'lost') throw error
      // The deployment's own vault is made with the first copy: before that it holds nothing.
      if (!place.isOwn || error.name !== 'VaultNotFound') faults.push({ name, error })
    }
  const fitting = all.filter(({ found }) => point === undefined || found.point === point)
  const newest = fitting.toSorted((one, other) => msBetween(one.found.capturedAt, other.found.capturedAt))[0]
  const unreachable = faults.map(({ name, error }) => `vault ${name} (${error.name}: ${error.message})`)
  if (newest) return { ...newest, unreachable }
  const [fault] = faults
  throw fault && all.length === 0 ? fault.error : notFound(wanted, all, unreachable)
}

function placesFor(places: DeployedVaults, wanted: string | undefined): [string, DeployedVault][] {
  if (wanted !== undefined) return [[wanted, namedVault(places, wanted)]]
  const all = Object.entries(places)
  if (all.length > 0) return all
  throw new TandemError(
    'VaultNotFound',
    'This deployment has no vault, and a point is recovered from one that holds a copy of it.',
  )
}

function notFound(
  { machine, point, vault }: Wanted,
  all: readonly FoundCopy[],
  unreachable: readonly string[],
): TandemError {
  const where = vault === undefined ? 'any vault of this deployment' : `vault ${vault}`
  const known = all.map(({ name, found }) => `${found.point} of ${found.capturedAt} in ${name}`)
  return new TandemError(
    'CopyNotFound',
    [
      `There is no ${point === undefined ? 'point' : `point ${point}`} of ${machine} in ${where}.`,
      known.length === 0 ? 'It was never copied there, or its copies expired.' : `There is: ${known.join(', ')}.`,
      ...unreachable.map((fault) => `Not looked into: ${fault}.`),
    ].join(' '),
  )
}
