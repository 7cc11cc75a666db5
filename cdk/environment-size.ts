import { Stack } from 'aws-cdk-lib'
import type { Construct } from 'constructs'

/** Of a Lambda: its environment as JSON, in which the quotation marks of values that are JSON themselves count twice. */
const ENVIRONMENT_BYTES = 4096

/** What a value that only the deployment knows takes at most: the longest are ARNs of keys, with 85 bytes in `us-gov-west-1`. */
const UNKNOWN_BYTES = 90
const KNOWN_BYTES: Readonly<Record<string, number>> = { 'AWS::AccountId': 12, 'AWS::Region': 14, 'AWS::Partition': 10 }

const bytesOf = (text: string): number => Buffer.byteLength(JSON.stringify(text)) - '""'.length

/** Of a value, quotation marks aside; of its parts, where CloudFormation puts it together. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return bytesOf(value)
  if (typeof value !== 'object' || value === null) return bytesOf(String(value))
  if ('Fn::Join' in value && Array.isArray(value['Fn::Join'])) {
    const [between, parts] = value['Fn::Join'] as [string, unknown[]]
    return parts.reduce<number>((sum, part) => sum + sizeOf(part), bytesOf(between) * (parts.length - 1))
  }
  const reference = 'Ref' in value ? String(value.Ref) : ''
  return KNOWN_BYTES[reference] ?? UNKNOWN_BYTES
}

/**
 * What stands in the way of deploying a function with this environment; empty if nothing does. Checked at synthesis: CloudFormation
 * would say it in the middle of a deployment, and not what to do.
 */
export function environmentFaults(
  scope: Construct,
  functionName: string,
  environment: Readonly<Record<string, string>>,
): string[] {
  const sizes = Object.entries(environment).map(([name, value]) => ({
    name,
    bytes: sizeOf(Stack.of(scope).resolve(value)),
  }))
  // `{`, `}`, and `"":"",` of each variable but the last, which has no comma.
  const total = sizes.reduce((sum, { name, bytes }) => sum + name.length + bytes + 6, 1)
  if (total <= ENVIRONMENT_BYTES) return []
  const largest = sizes
    .toSorted((one, other) => other.bytes - one.bytes)
    .slice(0, 2)
    .map(({ name, bytes }) => `${name} ${bytes}`)
    .join(', ')
  return [
    `The environment of the Lambda ${functionName} takes ${total} bytes, and AWS allows ${ENVIRONMENT_BYTES} (${largest}). Give policies and vaults shorter names, copy fewer policies, or make two deployments of the policy file.`,
  ]
}
