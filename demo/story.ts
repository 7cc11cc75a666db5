import type { Account } from '../local/account.ts'
import { readWorkload } from '../local/guests/workload.ts'
import type { Narrator } from './console.ts'
import { Fleet } from './machines.ts'
import { check, sha256Of, shown, type Check } from './proof.ts'
import { revertAndLook } from './revert.ts'
import { STACK } from './synthesize.ts'
import { tandem } from './tandem.ts'
import { tellOfTheVault } from './vault-chapter.ts'
import type { CapturedDisk, Witness } from './witness.ts'

const SECOND_MS = 1000
/** Longer than a boot with its status checks. */
const SETTLING_MS = 5 * 60 * SECOND_MS
const NOISE_MIB = 16
/** Every disk gets bytes of its own, beyond the workload's, so that no two disks are alike. */
const OWN_CONTENT_AT_MIB = 64
const OWN_CONTENT_MIB = 1

interface Machine {
  readonly id: string
  readonly name: string
  readonly address: string
  readonly disks: ReadonlyMap<string, string>
}

/** Three machines, a schedule, a disaster, a revert; and what was seen, as claims. */
export class Story {
  readonly #account: Account
  readonly #witness: Witness
  readonly #narrator: Narrator
  readonly #fleet: Fleet
  readonly #names = new Map<string, string>()

  constructor(account: Account, witness: Witness, narrator: Narrator) {
    this.#account = account
    this.#witness = witness
    this.#narrator = narrator
    this.#fleet = new Fleet(account)
  }

  async tell(): Promise<Check[]> {
    const { web, store, bystander } = await this.#launch()
    const excluded = store.disks.get('/dev/sdg') ?? ''
    const excludedBefore = await sha256Of(this.#account.ec2.volumePath(excluded))
    const changesBefore = this.#witness.changeCount

    await this.#protect()
    const captured = [...web.disks].map(([device, volume]) => ({ device, ...this.#witness.captured(volume) }))
    await this.#showLinks(web)
    await this.#ruin(web, captured)
    const restored = await this.#revert(web, captured)
    const order = this.#orderOf(captured)
    const identity = await this.#identityOf(web)
    const scene = { account: this.#account, fleet: this.#fleet, witness: this.#witness, narrator: this.#narrator }
    const rebuilt = await tellOfTheVault(scene, web)

    return [
      ...restored,
      ...order,
      ...identity,
      ...rebuilt,
      check(
        `${bystander.name}, which has no tag, was not touched`,
        this.#witness.changesTo([bystander.id, ...bystander.disks.values()], changesBefore).length === 0 &&
          (await this.#look(bystander.id, bystander.name)).disks.size === bystander.disks.size,
        'no changing call names it or its disks',
      ),
      check(
        `the excluded disk of ${store.name} was neither captured nor changed`,
        !this.#witness.wasCaptured(excluded) &&
          (await sha256Of(this.#account.ec2.volumePath(excluded))) === excludedBefore,
        shown(excludedBefore),
      ),
      this.#downtimeOf(web),
    ]
  }

  async #launch(): Promise<{ web: Machine; store: Machine; bystander: Machine }> {
    this.#narrator.chapter('2  Three machines')
    const policy = 'hourly'
    const ids = {
      web: await this.#fleet.launch({
        name: 'web',
        policy,
        dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg' }],
      }),
      store: await this.#fleet.launch({
        name: 'store',
        policy,
        dataDisks: [{ device: '/dev/sdf' }, { device: '/dev/sdg', excluded: true }],
      }),
      bystander: await this.#fleet.launch({ name: 'bystander', dataDisks: [{ device: '/dev/sdf' }] }),
    }
    await this.#account.clock.sleep(SETTLING_MS)
    const machines = {
      web: await this.#look(ids.web, 'web'),
      store: await this.#look(ids.store, 'store'),
      bystander: await this.#look(ids.bystander, 'bystander'),
    }
    this.#narrator.line(`web        ${ids.web}  tandem:policy=hourly  root and two data disks`)
    this.#narrator.line(
      `store      ${ids.store}  tandem:policy=hourly  root and two data disks, one tandem:exclude=true`,
    )
    this.#narrator.line(`bystander  ${ids.bystander}  no tag                root and one data disk`)
    for (const machine of Object.values(machines))
      for (const device of machine.disks.keys())
        await this.#writeNoise(machine, device, OWN_CONTENT_AT_MIB, OWN_CONTENT_MIB)
    this.#narrator.line('each runs a workload that writes record n to its data disk, then to its root disk')
    return machines
  }

  /** Random bytes on a disk, written by the machine itself. */
  async #writeNoise({ id, name }: Machine, device: string, atMib: number, sizeMib: number): Promise<void> {
    const guest = this.#account.guests.ofInstance(id)
    if (!guest) throw new Error(`${name} does not run.`)
    const { exitCode, stderr } = await guest.run(
      `dd if=/dev/urandom of="$GUEST_ROOT${device}" bs=1M seek=${atMib} count=${sizeMib} conv=notrunc status=none`,
      { timeoutMs: 30 * SECOND_MS },
    )
    if (exitCode !== 0) throw new Error(`${device} of ${name} could not be written: ${stderr}`)
  }

  async #look(id: string, name: string): Promise<Machine> {
    const instance = await this.#fleet.describe(id)
    this.#names.set(id, name)
    return { id, name, address: instance.PrivateIpAddress ?? '', disks: this.#fleet.disksOf(instance) }
  }

  /** Lets virtual time pass until the schedule fires, and shows the run. */
  async #protect(): Promise<void> {
    const { clock, scheduler, states } = this.#account
    this.#narrator.chapter('3  The schedule fires')
    const firesAtMs = scheduler.nextFiring('hourly', STACK) ?? clock.now()
    this.#narrator.line(`rate(1 hour): next at ${new Date(firesAtMs).toISOString().slice(11, 19)}`)
    // The fleet's run, and one of copy-point for each of the two machines.
    let awaited = 3
    const ended = new Promise<void>((done) => {
      states.observe((step) => {
        this.#narrator.step(step, this.#subjectOf(step.executionArn))
        if (step.event !== 'entered' || !/^(Fleet|Copied|NotCopied)/.test(step.state)) return
        awaited -= 1
        if (awaited === 0) done()
      })
    })
    await clock.sleep(firesAtMs - clock.now())
    await ended
  }

  /** The machine that an execution is about, by its name: `hourly-i-…-time`, or the run that was started by hand. */
  #subjectOf(executionArn: string): string {
    const id = [...this.#names.keys()].find((machine) => executionArn.includes(machine))
    if (id) return this.#names.get(id) ?? id
    if (executionArn.includes('copy-point')) return 'copy'
    return executionArn.includes('protect-fleet') ? 'fleet' : 'web'
  }

  async #showLinks(machine: Machine): Promise<void> {
    this.#narrator.chapter(`4  The links:  tandem links ${machine.id}`)
    this.#narrator.plain(await tandem(this.#account, ['links', machine.id]))
  }

  /** Noise over both disks that the workload writes to, from inside the machine, as a broken program would. */
  async #ruin(machine: Machine, captured: readonly CapturedDisk[]): Promise<void> {
    this.#narrator.chapter('5  Both disks are overwritten with noise; the machine is reverted')
    const devices = ['/dev/sda1', '/dev/sdf']
    for (const device of devices) await this.#writeNoise(machine, device, 0, NOISE_MIB)
    for (const { volumeId, path } of captured.slice(0, devices.length))
      if ((await sha256Of(this.#account.ec2.volumePath(volumeId))) === (await sha256Of(path)))
        throw new Error(`${volumeId} was to be ruined, but is as it was captured.`)
    this.#narrator.line(`${NOISE_MIB} MiB of noise over ${devices.join(' and ')} of ${machine.name}`)
  }

  /** Reverts as from the console, and compares every disk at the last moment before the machine starts on it. */
  async #revert(machine: Machine, captured: readonly (CapturedDisk & { device: string })[]): Promise<Check[]> {
    const checks: Check[] = []
    this.#narrator.line(`input of the execution: {"machine":"${machine.id}"}`)
    const { status, error, cause } = await revertAndLook(this.#account, machine.id, async () => {
      checks.push(...(await this.#compare(machine, captured)))
    })
    return [
      check(`${machine.name} was reverted`, status === 'SUCCEEDED', error ? `${error}: ${cause}` : status),
      ...checks,
    ]
  }

  async #compare(machine: Machine, captured: readonly (CapturedDisk & { device: string })[]): Promise<Check[]> {
    const disks = this.#fleet.disksOf(await this.#fleet.describe(machine.id))
    const checks: Check[] = []
    for (const { device, volumeId, path } of captured) {
      const now = disks.get(device) ?? ''
      const [expected, actual] = [await sha256Of(path), await sha256Of(this.#account.ec2.volumePath(now))]
      checks.push(
        check(
          `${device} is byte for byte as it was captured`,
          expected === actual && now !== volumeId,
          `${shown(actual)}, on a new volume`,
        ),
      )
    }
    return checks
  }

  #orderOf(captured: readonly (CapturedDisk & { device: string })[]): Check[] {
    const sequenceOn = (device: string): number =>
      readWorkload(captured.find((disk) => disk.device === device)?.path ?? '').lastSequence
    const [root, data] = [sequenceOn('/dev/sda1'), sequenceOn('/dev/sdf')]
    const instants = new Set(captured.map(({ atMs }) => atMs))
    return [
      check('all disks were captured at one instant', instants.size === 1, `${captured.length} disks`),
      check(
        'the order of the writes is intact: root is not ahead of data',
        root > 0 && root <= data && data <= root + 1,
        `root ${root}, data ${data}`,
      ),
    ]
  }

  async #identityOf(machine: Machine): Promise<Check[]> {
    const after = await this.#look(machine.id, machine.name)
    const running = this.#account.guests.ofInstance(machine.id) !== undefined
    return [
      check(
        'it is the same instance at the same private address, and it runs',
        running && after.id === machine.id && after.address === machine.address,
        `${after.id}, ${after.address}`,
      ),
    ]
  }

  #downtimeOf(machine: Machine): Check {
    const downtimeMs = this.#witness.lastDowntimeMs(machine.id)
    return check(
      'the downtime was stop, swap and start alone',
      Number.isFinite(downtimeMs),
      `${(downtimeMs / SECOND_MS).toFixed(0)} virtual seconds`,
    )
  }
}
