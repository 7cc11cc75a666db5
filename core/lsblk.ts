import * as z from 'zod'
import type { Disk } from './contracts/records.ts'

/** What the guest is asked, once, read-only. SERIAL is the volume id without its dash on Nitro (AWS facts A.14). */
export const LSBLK_COMMAND = 'lsblk --json --bytes --output NAME,SERIAL,FSTYPE,MOUNTPOINT'

interface BlockDevice {
  readonly serial?: string | null
  readonly fstype?: string | null
  readonly mountpoint?: string | null
  readonly children?: readonly BlockDevice[]
}

const blockDevice: z.ZodType<BlockDevice> = z.lazy(() =>
  z.object({
    serial: z.string().nullish(),
    fstype: z.string().nullish(),
    mountpoint: z.string().nullish(),
    children: z.array(blockDevice).optional(),
  }),
)
const answer = z.object({ blockdevices: z.array(blockDevice) })

/**
 * The disks with their mount points and file systems, partitions and logical volumes included, as far as the guest's `lsblk`
 * knows them by serial. Mounts are a courtesy to who reads FIG. 7: an answer that cannot be read changes nothing.
 */
export function withMounts(disks: readonly Disk[], output: string): Disk[] {
  const devices = parse(output)
  return disks.map((disk) => {
    const device = devices.find(({ serial }) => serial === disk.volume.replace('-', ''))
    if (!device) return disk
    const parts = [device, ...descendants(device)]
    const mountPoints = parts.flatMap(({ mountpoint }) => mountpoint ?? []).toSorted()
    const fileSystem = parts.find(({ mountpoint, fstype }) => mountpoint && fstype)?.fstype
    return { ...disk, mountPoints, ...(fileSystem ? { fileSystem } : {}) }
  })
}

const descendants = (device: BlockDevice): BlockDevice[] =>
  (device.children ?? []).flatMap((child) => [child, ...descendants(child)])

function parse(output: string): readonly BlockDevice[] {
  try {
    return answer.parse(JSON.parse(output)).blockdevices
  } catch {
    return []
  }
}
