/**
 * The folder that a guest takes for its root: device links, the mount table, its own programs, its console.
 *
 *     dev/sdf, dev/nvme1n1, dev/disk/by-id/nvme-Amazon_Elastic_Block_Store_vol0123…   links to the volume's file
 *     etc/mtab           `device mount-point type options 0 0` per line; a guest's script appends what it "mounts"
 *     bin/               lsblk, fsfreeze, shutdown, node, and refusals of what must not touch the real machine: first in PATH
 *     root/, tmp/        HOME and TMPDIR
 *     run/disks          what `lsblk` reads: `nvme1n1 vol0123… /dev/sdf <size in bytes>` per line
 *     var/lib/cloud/     what cloud-init keeps: the user data, that it has run, scripts of every boot
 *     console.log        output of the user data
 */
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import type { GuestDisk } from '../ec2/instances/guest.ts'

const PROGRAMS = join(import.meta.dirname, 'bin')
const BY_ID = 'disk/by-id/nvme-Amazon_Elastic_Block_Store_'

/** Programs that would act on the real machine: all of them are `bin/refuse`. */
const REFUSED = [
  'systemctl',
  'init',
  'telinit',
  'mount',
  'umount',
  'swapon',
  'swapoff',
  'losetup',
  'modprobe',
  'sysctl',
]

/** Root device names that images use (AWS facts A.14). */
const ROOT_DEVICES = ['/dev/sda1', '/dev/xvda']

/** NVMe serial of a volume: its id without the dash (AWS facts A.14). */
export const serialOf = (volumeId: string): string => volumeId.replace('-', '')

const rootOf = (disks: readonly GuestDisk[]): GuestDisk | undefined =>
  disks.find((disk) => ROOT_DEVICES.includes(disk.device)) ?? disks[0]

export class GuestFolder {
  readonly path: string
  /** Controller number of each volume: a disk keeps its name for as long as it stays attached, as on a running Nitro machine. */
  readonly #controllers = new Map<string, number>()

  /** Path of each link and of what it leads to. */
  #links: ReadonlyMap<string, string> = new Map()

  constructor(path: string) {
    this.path = path
  }

  get consolePath(): string {
    return join(this.path, 'console.log')
  }

  get runPath(): string {
    return join(this.path, 'run')
  }

  /** Prepares a boot: everything that does not survive one is made anew; the root disk is mounted on `/`. */
  boot(disks: readonly GuestDisk[]): void {
    for (const name of ['bin', 'dev', 'run']) rmSync(join(this.path, name), { recursive: true, force: true })
    for (const name of ['bin', 'run', 'etc', 'tmp', 'root']) mkdirSync(join(this.path, name), { recursive: true })
    for (const program of readdirSync(PROGRAMS)) symlinkSync(join(PROGRAMS, program), join(this.path, 'bin', program))
    // What `dnf install nodejs24` would bring: the package manager itself is not here.
    symlinkSync(process.execPath, join(this.path, 'bin/node'))
    for (const alias of ['poweroff', 'halt', 'reboot']) symlinkSync('shutdown', join(this.path, 'bin', alias))
    for (const refused of REFUSED) symlinkSync('refuse', join(this.path, 'bin', refused))
    const root = rootOf(disks)
    writeFileSync(join(this.path, 'etc/mtab'), root ? `${root.device} / ext4 rw,relatime 0 0\n` : '')
    this.#controllers.clear()
    this.#links = new Map()
    this.arrange(disks)
  }

  /**
   * Makes the device links and the table of disks say what is attached now. A disk that stays attached keeps its links throughout,
   * for whoever is about to open it.
   */
  arrange(disks: readonly GuestDisk[]): void {
    this.#number(disks)
    const dev = join(this.path, 'dev')
    mkdirSync(join(dev, dirname(BY_ID)), { recursive: true })
    const links = new Map<string, string>()
    const lost = disks.find(({ path }) => !existsSync(path))
    if (lost) throw new Error(`ENOENT: ${lost.volumeId} has no file ${lost.path}`)
    const lines = disks.map((disk) => {
      const name = `nvme${this.#controllers.get(disk.volumeId)}n1`
      const serial = serialOf(disk.volumeId)
      for (const link of [basename(disk.device), name, BY_ID + serial]) links.set(join(dev, link), disk.path)
      return `${name} ${serial} ${disk.device} ${disk.sizeBytes}\n`
    })
    for (const [link, path] of this.#links) if (links.get(link) !== path) rmSync(link, { force: true })
    for (const [link, path] of links) if (this.#links.get(link) !== path) symlinkSync(path, link)
    this.#links = links
    writeFileSync(join(this.path, 'run/disks'), lines.sort().join(''))
  }

  /** Removes what a program has made in the place of a device that went while the program opened it: it would hide the next one. */
  sweep(): void {
    for (const entry of readdirSync(join(this.path, 'dev'), { withFileTypes: true }))
      if (entry.isFile()) rmSync(join(this.path, 'dev', entry.name), { force: true })
  }

  #number(disks: readonly GuestDisk[]): void {
    const attached = new Set(disks.map((disk) => disk.volumeId))
    for (const volumeId of this.#controllers.keys()) if (!attached.has(volumeId)) this.#controllers.delete(volumeId)
    const root = rootOf(disks)
    const inOrder = root ? [root, ...disks.filter((disk) => disk !== root)] : []
    const taken = new Set(this.#controllers.values())
    for (const disk of inOrder) {
      if (this.#controllers.has(disk.volumeId)) continue
      let number = 0
      while (taken.has(number)) number += 1
      taken.add(number)
      this.#controllers.set(disk.volumeId, number)
    }
  }
}
