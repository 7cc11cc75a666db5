/** What a proxy boots with. */
export interface ProxyBoot {
  /** Presigned: whoever has it can read the mover, and nothing else. */
  readonly moverUrl: string
  readonly region: string
  /** Bucket of jobs and progress. */
  readonly bucket: string
  readonly job: string
  readonly deadlineMinutes: number
}

/** Nothing of it needs quoting in a shell, or it does not go into a script. */
function plain(name: string, value: string): string {
  if (/^[\w./:?&=%+~@-]+$/.test(value)) return value
  throw new Error(`${name} of a proxy cannot be put into its user data: ${value}`)
}

/**
 * User data of a proxy (docs/architecture.md, Copies): a time limit before anything else, and an end for whatever reason; the
 * instance is terminated by its own shutdown. It holds no secret: the job, with its token, is read by the instance's role.
 *
 * cloud-init starts it in the root directory, below which the disks are. Disks are read as raw devices: nothing is mounted.
 */
export const proxyUserData = ({ moverUrl, region, bucket, job, deadlineMinutes }: ProxyBoot): string => `#!/bin/bash
# Tandem: moves disks into a vault or back, and ends. Nobody logs in here.
devices="$PWD/dev"
shutdown -h +${Math.ceil(deadlineMinutes)}
trap 'shutdown -h now' EXIT
set -euo pipefail
export AWS_REGION=${plain('The Region', region)}
command -v node >/dev/null || dnf install --assumeyes --quiet nodejs24
cd "$(mktemp --directory)"
node --input-type=module --eval '
  import { writeFileSync } from "node:fs"
  const answer = await fetch(process.argv[1])
  if (!answer.ok) throw new Error("the mover cannot be fetched: " + answer.status)
  writeFileSync("mover.mjs", Buffer.from(await answer.arrayBuffer()))
' '${plain('The place of the mover', moverUrl)}'
node mover.mjs --bucket ${plain('The bucket', bucket)} --job ${plain('The job', job)} --devices "$devices"
`
