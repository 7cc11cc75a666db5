import { expect } from 'vitest'
import type { World } from './world.ts'

/** A machine of three disks, without a workload, and with a point. */
export async function protectedMachine(world: World): Promise<string> {
  const machine = await world.machine({ userData: '' })
  expect((await world.run('protect-machine', { machine })).result.status).toBe('SUCCEEDED')
  return machine
}

/** What tests hand on to the next one when it is as good as new; after a test that failed, it is made anew. */
export class Reused<T> {
  readonly #make: () => Promise<T>
  #kept: T | undefined

  constructor(make: () => Promise<T>) {
    this.#make = make
  }

  async take(): Promise<T> {
    const taken = this.#kept ?? (await this.#make())
    this.#kept = undefined
    return taken
  }

  keep(thing: T): void {
    this.#kept = thing
  }
}
